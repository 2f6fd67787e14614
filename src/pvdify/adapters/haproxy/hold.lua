-- Written by pvdify; changes are overwritten.
-- Keeps a request waiting while its app is in held.map, whose value is when the hold ends: milliseconds since 1970.
-- A request of a visitor that gave up waits on, too; it holds its place until the hold ends.
local MOST_OF_AN_APP, MOST, PAUSE = 1000, 4000, 25

local held = Map.new("held.map", Map._str)
local waiting, total = {}, 0

local function is_held(app)
    local limit = tonumber(held:lookup(app) or "")
    if not limit then
        return false
    end
    local now = core.now()
    return now.sec * 1000 + now.usec / 1000 < limit
end

core.register_action("hold", { "http-req" }, function(txn)
    local app = txn:get_var("txn.app")
    if total >= MOST or (waiting[app] or 0) >= MOST_OF_AN_APP then
        txn:set_var("txn.held", "full")
        return
    end
    waiting[app], total = (waiting[app] or 0) + 1, total + 1
    while is_held(app) do
        core.msleep(PAUSE)
    end
    waiting[app], total = waiting[app] - 1, total - 1
    if waiting[app] == 0 then
        waiting[app] = nil
    end
end)

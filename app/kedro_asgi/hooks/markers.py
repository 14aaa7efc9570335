"""What a project puts on its hooks, and what kedro-asgi puts on their specifications."""

import pluggy

HOOK_NAMESPACE = "kedro"
hook_spec = pluggy.HookspecMarker(HOOK_NAMESPACE)
hook_impl = pluggy.HookimplMarker(HOOK_NAMESPACE)

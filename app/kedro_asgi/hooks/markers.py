"""The marks of a project's hooks, and those of their specifications."""

import pluggy

HOOK_NAMESPACE = "kedro"
hook_spec = pluggy.HookspecMarker(HOOK_NAMESPACE)
hook_impl = pluggy.HookimplMarker(HOOK_NAMESPACE)

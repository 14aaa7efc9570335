"""Kedro's hook specifications, the manager of their implementations, and the calls of a run."""

from kedro_asgi.hooks.manager import _create_hook_manager as _create_hook_manager
from kedro_asgi.hooks.manager import add_hooks as add_hooks
from kedro_asgi.hooks.manager import create_hook_manager as create_hook_manager
from kedro_asgi.hooks.manager import is_for_single_run as is_for_single_run
from kedro_asgi.hooks.manager import with_hooks_for_single_run as with_hooks_for_single_run
from kedro_asgi.hooks.markers import hook_impl as hook_impl
from kedro_asgi.hooks.run_hooks import Call as Call
from kedro_asgi.hooks.run_hooks import HookManager as HookManager
from kedro_asgi.hooks.run_hooks import RunHooks as RunHooks
from kedro_asgi.hooks.run_hooks import hook_arguments as hook_arguments
from kedro_asgi.hooks.run_hooks import implemented as implemented
from kedro_asgi.hooks.run_hooks import merge_replacements as merge_replacements

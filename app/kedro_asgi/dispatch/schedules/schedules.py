"""Begins the runs of schedules, one for each tick over all workers, and lets callers see, pause and run schedules."""

from collections.abc import Mapping, Sequence
from functools import partial

import anyio
import msgspec

from kedro_asgi.dispatch.dispatcher import Dispatcher
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.dispatch.schedules.clock import Clock, SystemClock
from kedro_asgi.dispatch.schedules.delays import Delays
from kedro_asgi.dispatch.schedules.due import Due, find_due
from kedro_asgi.dispatch.schedules.schedule import Schedule, tick_text
from kedro_asgi.dispatch.service import Service
from kedro_asgi.dispatch.stores.base import Store
from kedro_asgi.dispatch.stores.schedules import ScheduledRun, ScheduleState
from kedro_asgi.dispatch.supervision import LongLivedWork, keep_going
from kedro_asgi.errors import DispatchError, DrainingError, ScheduleNotFoundError, StoreUnavailableError
from kedro_asgi.run_context import run_facts
from kedro_asgi.runs import RunRecord

_log = SafeLogger(__name__)

_RETRY_MS = 1000
_FAR_MS = 3_600_000
_IN_MEMORY = (
    "The store of runs is in memory: each process begins the runs of its schedules itself, and the end of the process "
    "forgets which ticks had their runs, and which schedules are paused."
)


class ScheduleView(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule, what the store knows of it, and its last run."""

    schedule: Schedule
    is_paused: bool
    next_ticks_ms: tuple[int, ...]
    last_run: RunRecord | None


class _Look(msgspec.Struct, frozen=True, kw_only=True):
    """The due ticks of each schedule at one instant, and its next tick; a schedule that the store lacks is left out."""

    now_ms: int
    due: Mapping[str, Due]
    states: Mapping[str, ScheduleState]
    next_ms: Mapping[str, int]


class Schedules:
    """The schedules that this worker knows. All workers do the same; the store lets one of them have a tick.

    The run of a tick is stored in one transaction with the decision that the tick has it. So there is no second run,
    whatever fails in between, and a failed attempt is made again, by this worker or by another one. Belongs to the
    event loop of the dispatcher.
    """

    def __init__(self, runs: Dispatcher, *, clock: Clock | None = None) -> None:
        self._runs = runs
        self._clock = clock or SystemClock()
        self._known: dict[str, Schedule] = {}
        self._known_since_ms: int | None = None
        self._wake = anyio.Event()
        self._delays = Delays()
        self._has_warned = False

    @property
    def known(self) -> Sequence[Schedule]:
        """The schedules, in the order of their configuration."""
        return tuple(self._known.values())

    def replace(self, schedules: Sequence[Schedule]) -> None:
        """Know these schedules from now on, and no others; runs that have begun go on."""
        self._known = {schedule.name: schedule for schedule in schedules}
        self._known_since_ms = None
        self._delays.clear()
        self._wake.set()

    async def work(self) -> None:
        """Begin runs when they are due, until the service drains; then other workers go on."""
        await keep_going(LongLivedWork(name="begin scheduled runs", do=self._turn))

    # --- for callers ---

    def find(self, name: str) -> Schedule:
        """Return a schedule; raises `ScheduleNotFoundError`."""
        if name not in self._known:
            raise ScheduleNotFoundError(name, self._known)
        return self._known[name]

    async def view(self, schedules: Sequence[Schedule], *, ticks: int) -> list[ScheduleView]:
        """Return what is known of schedules, with their next ticks, ``ticks`` of each."""
        service = await self._runs.service()
        with service.access.reading():
            views = await service.access.read(partial(self._views, schedules, ticks=ticks))
        own = service.runs
        return [
            msgspec.structs.replace(view, last_run=own[view.last_run.run_id].known_record())
            if view.last_run is not None and view.last_run.run_id in own
            else view
            for view in views
        ]

    async def pause(self, name: str, *, is_paused: bool) -> None:
        """Pause a schedule, or let it go on; when this returns, a paused schedule begins no further runs.

        Ticks that pass meanwhile are not missed: they never have runs. Raises `ScheduleNotFoundError`.
        """
        schedule = self.find(name)
        service = await self._runs.service()
        with service.access.reading():
            await service.recorder.execute(partial(self._pause, schedule, is_paused=is_paused))
        _log.info("Schedule '%s' %s.", name, "is paused" if is_paused else "goes on")
        self._wake.set()

    async def run(self, name: str) -> RunRecord:
        """Promise a run of a schedule now, also of a paused one; raises `ScheduleNotFoundError`, and as `accept`."""
        schedule = self.find(name)
        service = await self._runs.service()
        await self._define(service)
        record = await self._promise(service, schedule, None)
        assert record is not None, "a run without a tick has no rival"
        return record

    # --- in threads ---

    def _views(self, schedules: Sequence[Schedule], store: Store, *, ticks: int) -> list[ScheduleView]:
        now_ms = self._now_ms(store)
        states = _states(store, schedules)
        return [_view(store, schedule, states.get(schedule.name), now_ms, ticks) for schedule in schedules]

    def _pause(self, schedule: Schedule, store: Store, *, is_paused: bool) -> None:
        now_ms = self._now_ms(store)
        if not store.read_schedules([schedule.name]):
            store.define_schedules({schedule.name: schedule.definition}, now_ms=now_ms)
        store.pause_schedule(schedule.name, is_paused=is_paused, now_ms=now_ms)

    def _now_ms(self, store: Store) -> int:
        """Return the time, by the clock that all workers share: those of machines differ."""
        self._clock.set_reference(store.clock_ms())
        return self._clock.now_ms()

    def _define_known(self, schedules: Sequence[Schedule], store: Store) -> int:
        now_ms = self._now_ms(store)
        store.define_schedules({schedule.name: schedule.definition for schedule in schedules}, now_ms=now_ms)
        return now_ms

    def _look(self, schedules: Sequence[Schedule], known_since_ms: int, store: Store) -> _Look:
        now_ms, states = self._now_ms(store), _states(store, schedules)
        due: dict[str, Due] = {}
        for schedule in schedules:
            if (state := states.get(schedule.name)) is not None:
                found = find_due(schedule, state, known_since_ms=known_since_ms, now_ms=now_ms)
                due[schedule.name] = _without_overlap(found, schedule, state, store)
        next_ms = {each.name: next(each.ticks.after(now_ms), now_ms + _FAR_MS) for each in schedules}
        return _Look(now_ms=now_ms, due=due, states=states, next_ms=next_ms)

    # --- beginning runs ---

    async def _turn(self) -> None:
        try:
            await self._do_what_is_due()
        except DrainingError:
            # Other workers go on; this one is about to end.
            await anyio.sleep_forever()

    async def _do_what_is_due(self) -> None:
        """Begin the runs that are due, and wait until something may be due again."""
        self._wake = wake = anyio.Event()
        service = await self._runs.service()
        self._warn_of_memory(service)
        known_since_ms = await self._define(service)
        schedules = self.known
        with service.access.reading():
            look = await service.access.read(partial(self._look, schedules, known_since_ms))
        next_ms = look.now_ms + _FAR_MS
        for schedule in schedules:
            if schedule.name not in look.due:
                # An operator has put back an older store.
                self._known_since_ms = None
            elif self._known.get(schedule.name) is schedule:
                next_ms = min(next_ms, await self._act(service, schedule, look))
        await self._clock.wait(look.now_ms if self._known_since_ms is None else next_ms, wake)

    async def _define(self, service: Service) -> int:
        """Return since when this worker knows its schedules; tells the store of them first."""
        while (since_ms := self._known_since_ms) is None:
            schedules = self._known
            found = await service.recorder.execute(partial(self._define_known, self.known))
            if schedules is self._known:
                self._known_since_ms = found
        return since_ms

    async def _act(self, service: Service, schedule: Schedule, look: _Look) -> int:
        """Do what is due of a schedule; return when to look at it again."""
        due, state = look.due[schedule.name], look.states[schedule.name]
        if (until_ms := self._delays.until_ms(schedule.name, look.now_ms)) is not None:
            return until_ms
        try:
            if due.tick_ms is not None:
                await self._begin(service, schedule, due, due.tick_ms)
            elif due.skip_until_ms is not None:
                await _skip(service, schedule, due, from_ms=state.decided_ms, until_ms=due.skip_until_ms)
        except DrainingError:
            raise
        except StoreUnavailableError:
            # The writer thread says that the store is not available.
            return look.now_ms + _RETRY_MS
        except DispatchError as error:
            lasts_ms = int(schedule.start_deadline_seconds * 1000)
            deadline_ms = None if due.tick_ms is None else due.tick_ms + lasts_ms
            return self._delays.refuse(schedule.name, error, look.now_ms, deadline_ms=deadline_ms)
        self._delays.end(schedule.name)
        return look.now_ms if due.has_more else look.next_ms[schedule.name]

    async def _begin(self, service: Service, schedule: Schedule, due: Due, tick_ms: int) -> None:
        record = await self._promise(service, schedule, tick_ms)
        if record is None:
            # Another worker has the tick, or the schedule was paused a moment ago.
            return
        _log_skipped(schedule, due)
        text = "Schedule '%s' begins run %s for %s."
        _log.info(text, schedule.name, record.run_id, tick_text(tick_ms), extra=run_facts(record.run_id))

    async def _promise(self, service: Service, schedule: Schedule, tick_ms: int | None) -> RunRecord | None:
        """Return the record of a run, which is on disk; ``None`` if the tick is decided already."""
        order, key = schedule.order_for(tick_ms), ScheduledRun(schedule=schedule.name, tick_ms=tick_ms)
        with service.access.reading():
            packed = await service.packer.pack(order, is_from_json=True)
            return await service.runs.promise(order, packed, service.run_ids.next(), key)

    def _warn_of_memory(self, service: Service) -> None:
        if not self._has_warned and not service.access.is_shared:
            _log.warning(_IN_MEMORY)
        self._has_warned = True


async def _skip(service: Service, schedule: Schedule, due: Due, *, from_ms: int, until_ms: int) -> None:
    """Decide ticks without runs; of all workers, the one that does tells why."""
    call = partial(_decide, schedule.name, from_ms=from_ms, until_ms=until_ms)
    if not await service.recorder.execute(call):
        return
    _log_skipped(schedule, due)
    if due.is_clock_back:
        _log.warning("Schedule '%s': the clock was put back, so ticks begin again from now.", schedule.name)
    elif due.is_overlap:
        text = "Schedule '%s' skips the tick at %s: its last run goes on."
        _log.warning(text, schedule.name, tick_text(until_ms))


def _log_skipped(schedule: Schedule, due: Due) -> None:
    if due.skipped:
        count = f"at least {due.skipped}" if due.skips_uncounted else due.skipped
        _log.warning("Schedule '%s': %s missed ticks have no runs.", schedule.name, count)


def _decide(name: str, store: Store, *, from_ms: int, until_ms: int) -> bool:
    return store.decide_ticks(name, from_ms=from_ms, until_ms=until_ms)


def _states(store: Store, schedules: Sequence[Schedule]) -> dict[str, ScheduleState]:
    return {state.name: state for state in store.read_schedules([schedule.name for schedule in schedules])}


def _view(store: Store, schedule: Schedule, state: ScheduleState | None, now_ms: int, ticks: int) -> ScheduleView:
    is_paused = state is not None and state.is_paused
    return ScheduleView(
        schedule=schedule,
        is_paused=is_paused,
        next_ticks_ms=() if is_paused else tuple(schedule.ticks.next_ticks(now_ms, ticks)),
        last_run=None if state is None else _last_run(store, state),
    )


def _without_overlap(due: Due, schedule: Schedule, state: ScheduleState, store: Store) -> Due:
    if due.tick_ms is None or schedule.overlap == "allow":
        return due
    last_run = _last_run(store, state)
    if last_run is None or last_run.is_final:
        return due
    return msgspec.structs.replace(due, tick_ms=None, skip_until_ms=due.tick_ms, is_overlap=True)


def _last_run(store: Store, state: ScheduleState) -> RunRecord | None:
    """Return the last run of a schedule, or the run that repeats it after an interruption."""
    record = None if state.run_id is None else store.read_run(state.run_id)
    while record is not None and record.resubmitted_as is not None:
        successor = store.read_run(record.resubmitted_as)
        if successor is None:
            break
        record = successor
    return record

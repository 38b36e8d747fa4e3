"""
Reference for journeys: events -> journeys -> summary, slow and obvious, exact where exactness exists.

Times are integers (microseconds since the epoch), values are exact rationals.  Nothing here is clever:
each function restates one sentence of the definition of a journey and can be checked against it by eye.
"""
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Context, Decimal, MAX_EMAX, MIN_EMIN
from fractions import Fraction
from zoneinfo import ZoneInfo

SECOND = 10**6
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# Values are summed in units of 2^-64, each input rounded half to even.
VALUE_UNIT = 2**64

# Time-decay weights are fixed point with this many fractional bits: error far below any tolerance.
WEIGHT_BITS = 220
WEIGHT_ONE = 1 << WEIGHT_BITS


@dataclass(frozen=True)
class Event:
    user: object            # None: anonymous
    at: int
    channel: str = None
    converted: bool = None
    value: object = None    # float, Fraction or None
    segment: str = None
    event_id: str = None


@dataclass
class Options:
    lookback: int = 30 * DAY
    max_touches: int = None
    reuse_touches: bool = True
    observed_until: int = None
    counted_from: int = None
    counted_until: int = None
    half_life: int = 7 * DAY
    channel_lookback: dict = field(default_factory=dict)
    transforms: list = field(default_factory=list)
    time_zone: str = "UTC"


@dataclass
class Journey:
    path: tuple
    touched_at: tuple
    touch_ids: tuple
    converted: bool
    converted_at: int        # None unless converted
    conversion_id: str
    ended_at: int            # last touch before transforms; None for an empty path
    value: Fraction
    is_open: bool
    matured: bool
    segment: str
    date: int                # conversion's time, else last touch


# --- path transforms -------------------------------------------------------------------------------


def apply_transform(touches, transform):
    """touches: list of (channel, at, id); returns the same kind of list."""
    channels = [t[0] for t in touches]
    if transform == "unique":
        return list(touches)
    if transform == "exposure":  # one touch for each run of repeats, the first of the run
        return [t for i, t in enumerate(touches) if i == 0 or channels[i] != channels[i - 1]]
    if transform == "first":  # first occurrence of each channel
        return [t for i, t in enumerate(touches) if channels[i] not in channels[:i]]
    if transform == "frequency":  # first occurrence, named with how often the channel occurs
        return [
            ("%s(%d)" % (t[0], channels.count(t[0])), t[1], t[2])
            for i, t in enumerate(touches)
            if channels[i] not in channels[:i]
        ]
    ((kind, names),) = transform.items()
    if kind == "remove_if_not_all":  # drop x wherever it stands unless nothing would be left
        left = [t for t in touches if t[0] not in names]
        return left if left else list(touches)
    if kind == "remove_if_last_and_not_all":  # strip trailing x unless nothing would be left
        left = list(touches)
        while left and left[-1][0] in names:
            left.pop()
        return left if left else list(touches)
    raise ValueError(transform)


def apply_transforms(touches, transforms):
    for transform in transforms:
        touches = apply_transform(touches, transform)
    return touches


def transform_path(path, transforms):
    return [t[0] for t in apply_transforms([(c, None, None) for c in path], transforms)]


# --- one user's events -> journeys -----------------------------------------------------------------


def exact(value):
    return Fraction(0) if value is None else Fraction(value)


def text_key(text):
    """Text by bytes, NULL first."""
    return (0, b"") if text is None else (1, text.encode("utf-8"))


@dataclass
class Item:
    """One touch or one conversion: a row may be both."""

    at: int
    is_conversion: bool
    channel: str
    value: Fraction
    segment: str
    event_id: str

    def key(self):
        return (
            self.at,
            self.is_conversion,
            text_key(self.channel),
            self.value,
            text_key(self.segment),
            text_key(self.event_id),
        )


def items_of(events, options):
    """A user's rows as touches and conversions, in the total order, without those not yet observed."""
    items = []
    for e in events:
        if options.observed_until is not None and e.at > options.observed_until:
            continue
        value = exact(e.value)
        if e.channel is not None:
            items.append(Item(e.at, False, e.channel, value, e.segment, e.event_id))
        if e.converted:
            items.append(Item(e.at, True, e.channel, value, e.segment, e.event_id))
    items.sort(key=Item.key)
    return items


def window_of(channel, options):
    """How long before its end a journey reaches back for this channel; None = for ever."""
    limits = [options.lookback, options.channel_lookback.get(channel)]
    limits = [x for x in limits if x is not None]
    return min(limits) if limits else None


def within(touch, end, options):
    window = window_of(touch.channel, options)
    return window is None or touch.at >= end - window


def is_matured(last_touch_at, options):
    if options.observed_until is None or options.lookback is None or last_touch_at is None:
        return True
    return last_touch_at <= options.observed_until - options.lookback


def make_journey(touches, conversion, date, segment, options):
    """touches: those within the windows, in order."""
    ended_at = touches[-1].at if touches else None
    matured = is_matured(ended_at, options)
    if options.max_touches is not None:
        touches = touches[-options.max_touches:]
    cut = apply_transforms([(t.channel, t.at, t.event_id) for t in touches], options.transforms)
    return Journey(
        path=tuple(c for c, _, _ in cut),
        touched_at=tuple(at for _, at, _ in cut),
        touch_ids=tuple(i for _, _, i in cut),
        converted=conversion is not None,
        converted_at=conversion.at if conversion else None,
        conversion_id=conversion.event_id if conversion else None,
        ended_at=ended_at,
        value=conversion.value if conversion else Fraction(0),
        is_open=conversion is None and not matured,
        matured=matured,
        segment=segment,
        date=date,
    )


def all_journeys(events, options, anonymous=False):
    """Every journey of one user, whatever its date.  Anonymous: conversions only, with empty paths."""
    items = items_of(events, options)
    journeys = []

    # conversions
    for i, item in enumerate(items):
        if not item.is_conversion:
            continue
        touches = []
        if not anonymous:
            earlier = [x.at for x in items[:i] if x.is_conversion and x.at < item.at]
            for touch in items[:i]:
                if touch.is_conversion or not within(touch, item.at, options):
                    continue
                if not options.reuse_touches and earlier and touch.at <= max(earlier):
                    continue
                touches.append(touch)
        journeys.append(make_journey(touches, item, item.at, item.segment, options))
    if anonymous:
        return journeys

    # runs
    runs = []  # (touches of the run, the item that ended it or None)
    run = []
    for item in items:
        if item.is_conversion:
            if run:
                runs.append((run, item))
            run = []
        else:
            if run and options.lookback is not None and item.at - run[-1].at > options.lookback:
                runs.append((run, item))
                run = []
            run.append(item)
    if run:
        runs.append((run, None))
    for run, follower in runs:
        last = run[-1]
        if follower is not None and follower.is_conversion:
            if options.lookback is None or follower.at - last.at <= options.lookback:
                continue  # it converted
        touches = [t for t in run if within(t, last.at, options)]
        journeys.append(make_journey(touches, None, last.at, last.segment, options))
    return journeys


def is_counted(at, options):
    return (options.counted_from is None or at >= options.counted_from) and (
        options.counted_until is None or at < options.counted_until
    )


def counted_journeys(events, options, anonymous=False):
    return [j for j in all_journeys(events, options, anonymous) if is_counted(j.date, options)]


def by_user(events):
    users = {}
    for e in events:
        users.setdefault(e.user, []).append(e)
    return users


def day_of(at, time_zone):
    moment = EPOCH + timedelta(microseconds=at)
    if time_zone == "UTC":
        return moment.date()
    return moment.astimezone(ZoneInfo(time_zone)).date()


# --- summaries -------------------------------------------------------------------------------------


def value_units(value):
    """A value in units of 2^-64, rounded half to even (Python's round of a Fraction is exactly that)."""
    return round(exact(value) * VALUE_UNIT)


DECIMAL = Context(prec=80, Emin=MIN_EMIN, Emax=MAX_EMAX)


def power_of_half(x):
    """2^-x of a rational x >= 0 as fixed point with WEIGHT_BITS bits."""
    if x > WEIGHT_BITS + 10:
        return 0
    exponent = DECIMAL.divide(Decimal(x.numerator), Decimal(x.denominator))
    power = DECIMAL.power(Decimal(2), DECIMAL.minus(exponent))
    return int(Fraction(power) * WEIGHT_ONE)


def decay_weights(touched_at, half_life):
    """Weights 2^(-(t_last - at)/half_life), normalised to one, in fixed point."""
    last = max(touched_at)
    raw = [power_of_half(Fraction(last - at, half_life)) for at in touched_at]
    total = sum(raw)
    return [w * WEIGHT_ONE // total for w in raw]


@dataclass
class PathCounts:
    conversions: int = 0
    lost: int = 0
    open: int = 0
    matured: int = 0          # matured conversions
    value: int = 0            # units of 2^-64
    matured_value: int = 0


@dataclass
class Summary:
    paths: dict = field(default_factory=dict)      # tuple of channels -> PathCounts
    decay: dict = None                             # channel -> [conversions, value] in fixed point
    touches_seen: int = 0
    anonymous_touches: int = 0

    def counts(self, path):
        return self.paths.setdefault(tuple(path), PathCounts())

    def add_journey(self, j, half_life):
        c = self.counts(j.path)
        units = value_units(j.value)
        if j.converted:
            c.conversions += 1
            c.value += units
            if j.matured:
                c.matured += 1
                c.matured_value += units
        elif j.is_open:
            c.open += 1
        else:
            c.lost += 1
        if half_life is not None and self.decay is None:
            self.decay = {}
        if self.decay is not None:
            for channel in j.path:
                self.decay.setdefault(channel, [0, 0])
            if j.converted and j.path:
                for channel, w in zip(j.path, decay_weights(j.touched_at, half_life)):
                    self.decay[channel][0] += w
                    self.decay[channel][1] += w * units

    def add_counted(self, path, conversions, lost, value):
        if conversions == 0 and lost == 0:
            return
        c = self.counts(path or ())
        units = value_units(value)
        c.conversions += conversions
        c.matured += conversions
        c.lost += lost
        c.value += units
        c.matured_value += units

    def add_path(self, path, converted, value=None):
        self.add_counted(path, 1 if converted else 0, 0 if converted else 1, value)

    def merge(self, other):
        for path, o in other.paths.items():
            c = self.counts(path)
            for name in ("conversions", "lost", "open", "matured", "value", "matured_value"):
                setattr(c, name, getattr(c, name) + getattr(o, name))
        if other.decay is not None:
            if self.decay is None:
                self.decay = {}
            for channel, pair in other.decay.items():
                mine = self.decay.setdefault(channel, [0, 0])
                mine[0] += pair[0]
                mine[1] += pair[1]
        self.touches_seen += other.touches_seen
        self.anonymous_touches += other.anonymous_touches

    def channels(self):
        return sorted({c for path in self.paths for c in path}, key=lambda c: c.encode("utf-8"))

    def mapped(self, mapping):
        result = Summary(decay=None if self.decay is None else {})
        result.touches_seen = self.touches_seen
        result.anonymous_touches = self.anonymous_touches
        for path, o in self.paths.items():
            one = Summary(paths={tuple(mapping.get(c, c) for c in path): o})
            result.merge(one)
        for channel, pair in (self.decay or {}).items():
            mine = result.decay.setdefault(mapping.get(channel, channel), [0, 0])
            mine[0] += pair[0]
            mine[1] += pair[1]
        return result


def count_touches(summary, events, options):
    for e in events:
        if e.channel is None or not is_counted(e.at, options):
            continue
        if options.observed_until is not None and e.at > options.observed_until:
            continue
        summary.touches_seen += 1
        if e.user is None:
            summary.anonymous_touches += 1


def summarize_events(events, options):
    """The raw-event form of journey_summary_agg; None for no rows."""
    if not events:
        return None
    summary = Summary(decay=None if options.half_life is None else {})
    count_touches(summary, events, options)
    for user, rows in by_user(events).items():
        for j in counted_journeys(rows, options, anonymous=user is None):
            summary.add_journey(j, options.half_life)
    return summary


def parts_of_events(events, options):
    """journey_parts_agg: {(day, segment): Summary}."""
    parts = {}

    def part(at, segment):
        key = (day_of(at, options.time_zone), segment)
        if key not in parts:
            parts[key] = Summary(decay=None if options.half_life is None else {})
        return parts[key]

    for e in events:
        if e.channel is None or not is_counted(e.at, options):
            continue
        if options.observed_until is not None and e.at > options.observed_until:
            continue
        count_touches(part(e.at, e.segment), [e], options)
    for user, rows in by_user(events).items():
        for j in counted_journeys(rows, options, anonymous=user is None):
            part(j.date, j.segment).add_journey(j, options.half_life)
    return parts

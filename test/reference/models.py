"""
Reference for attribution models over a Summary (journeys.py): exact rationals, brute force.

A credit table is {channel: (conversions, value)} in Fractions; UNATTRIBUTED is one of its keys exactly
when something has no channel to go to.  Values are converted from units of 2^-64 to plain numbers here.
"""
from fractions import Fraction
from itertools import combinations
from math import comb, factorial, lcm

from journeys import VALUE_UNIT, WEIGHT_ONE, decay_weights

UNATTRIBUTED = "(unattributed)"
START, CONVERSION, NULL = ("(start)",), ("(conversion)",), ("(null)",)


def money(units):
    return Fraction(units, VALUE_UNIT)


def total_conversions(s):
    return sum(c.conversions for c in s.paths.values())


def total_value(s):
    return money(sum(c.value for c in s.paths.values()))


def in_game(s):
    """The paths that have channels."""
    return {p: c for p, c in s.paths.items() if p}


def game_totals(s):
    rows = in_game(s).values()
    return sum(c.conversions for c in rows), money(sum(c.value for c in rows))


def with_unattributed(s, table):
    empty = s.paths.get(())
    if empty and (empty.conversions or empty.value):
        table[UNATTRIBUTED] = (Fraction(empty.conversions), money(empty.value))
    return table


def share(s, conversions):
    total = total_conversions(s)
    return None if total == 0 else Fraction(conversions) / total


# --- rules -----------------------------------------------------------------------------------------


def touch_weights_linear(path):
    return [Fraction(1, len(path))] * len(path)


def touch_weights_first(path, ignore=()):
    kept = [i for i, c in enumerate(path) if c not in ignore]
    chosen = kept[0] if kept else 0
    return [Fraction(int(i == chosen)) for i in range(len(path))]


def touch_weights_last(path, ignore=()):
    kept = [i for i, c in enumerate(path) if c not in ignore]
    chosen = kept[-1] if kept else len(path) - 1
    return [Fraction(int(i == chosen)) for i in range(len(path))]


def touch_weights_position(path, first=0.4, last=0.4):
    first, last, n = Fraction(first), Fraction(last), len(path)
    if n == 1:
        return [Fraction(1)]
    if n == 2:
        if first + last == 0:
            return [Fraction(1, 2)] * 2
        return [first / (first + last), last / (first + last)]
    return [first] + [(1 - first - last) / (n - 2)] * (n - 2) + [last]


def touch_weights_position_decay(path, ratio=0.5):
    ratio, n = Fraction(ratio), len(path)
    raw = [ratio.numerator ** (n - 1 - i) * ratio.denominator**i for i in range(n)]
    total = sum(raw)
    if n > 16:  # fixed point: exact fractions of so many digits are slow to reduce
        return [Fraction(w * WEIGHT_ONE // total, WEIGHT_ONE) for w in raw]
    return [Fraction(w, total) for w in raw]


def touch_weights_time_decay(touched_at, half_life):
    return [Fraction(w, WEIGHT_ONE) for w in decay_weights(touched_at, half_life)]


def rule(s, weights):
    table = {c: (Fraction(0), Fraction(0)) for c in s.channels()}
    for path, counts in in_game(s).items():
        if not counts.conversions and not counts.value:
            continue
        for channel, w in zip(path, weights(path)):
            conversions, value = table[channel]
            table[channel] = (conversions + w * counts.conversions, value + w * money(counts.value))
    return with_unattributed(s, table)


def first_touch(s, ignore=()):
    return rule(s, lambda p: touch_weights_first(p, ignore))


def last_touch(s, ignore=()):
    return rule(s, lambda p: touch_weights_last(p, ignore))


def linear(s):
    return rule(s, touch_weights_linear)


def position_based(s, first=0.4, last=0.4):
    return rule(s, lambda p: touch_weights_position(p, first, last))


def position_decay(s, ratio=0.5):
    return rule(s, lambda p: touch_weights_position_decay(p, ratio))


def time_decay(s):
    """None where the clock was not kept."""
    if s.decay is None:
        return None
    table = {
        c: (
            Fraction(s.decay.get(c, (0, 0))[0], WEIGHT_ONE),
            Fraction(s.decay.get(c, (0, 0))[1], WEIGHT_ONE * VALUE_UNIT),
        )
        for c in s.channels()
    }
    return with_unattributed(s, table)


# --- Shapley ---------------------------------------------------------------------------------------


def channel_sets(s):
    """{frozenset of channels: [conversions, value in units, matured conversions, lost]}"""
    sets = {}
    for path, c in in_game(s).items():
        row = sets.setdefault(frozenset(path), [0, 0, 0, 0])
        row[0] += c.conversions
        row[1] += c.value
        row[2] += c.matured
        row[3] += c.lost
    return sets


def shapley_values(players, v):
    """phi by its definition, over every coalition of the players; v takes a frozenset."""
    n = len(players)
    phi = {}
    worth = {
        frozenset(coalition): v(frozenset(coalition))
        for size in range(n + 1)
        for coalition in combinations(players, size)
    }
    for i in players:
        total = Fraction(0)
        others = [p for p in players if p != i]
        for size in range(n):
            gain = sum(
                (
                    worth[frozenset(coalition) | {i}] - worth[frozenset(coalition)]
                    for coalition in combinations(others, size)
                ),
                Fraction(0),
            )
            total += gain * Fraction(factorial(size) * factorial(n - size - 1), factorial(n))
        phi[i] = total
    return phi


def game_worth(s, game, bits=None):
    """The characteristic function; with `bits`, rates are rounded to that many bits (speed)."""
    sets = channel_sets(s)

    def rate(conversions, lost):
        if conversions + lost == 0:
            return Fraction(0)
        if bits is not None:
            return Fraction((conversions << bits) // (conversions + lost), 1 << bits)
        return Fraction(conversions, conversions + lost)

    def conversions_worth(coalition):
        return Fraction(sum(r[0] for t, r in sets.items() if t <= coalition))

    def value_worth(coalition):
        return money(sum(r[1] for t, r in sets.items() if t <= coalition))

    def pooled_rate(coalition):
        rows = [r for t, r in sets.items() if t <= coalition]
        return rate(sum(r[2] for r in rows), sum(r[3] for r in rows))

    def exact_rate(coalition):
        row = sets.get(coalition)
        return rate(row[2], row[3]) if row else Fraction(0)

    return {
        "conversions": conversions_worth,
        "value": value_worth,
        "rate": pooled_rate,
        "exact_rate": exact_rate,
    }[game]


def shapley_distinct(s):
    """Zhao's closed form of the 'conversions' game, for more channels than can be enumerated."""
    table = {c: (Fraction(0), Fraction(0)) for c in s.channels()}
    for members, row in channel_sets(s).items():
        for c in members:
            conversions, value = table[c]
            table[c] = (conversions + Fraction(row[0], len(members)), value + money(row[1]) / len(members))
    return table


ENUMERABLE = 12


def shapley_conversions(s, enumerate_up_to=ENUMERABLE):
    """Credit table of the 'conversions' game; phi is its conversions."""
    players = s.channels()
    if len(players) > enumerate_up_to:
        return with_unattributed(s, shapley_distinct(s))
    phi = shapley_values(players, game_worth(s, "conversions"))
    value = shapley_values(players, game_worth(s, "value"))
    return with_unattributed(s, {c: (phi[c], value[c]) for c in players})


def shapley_rate(s, game):
    """(phi, v(all channels)) of a rate game."""
    players = s.channels()
    bits = None if len(players) <= 6 else 256
    worth = game_worth(s, game, bits)
    return shapley_values(players, worth), worth(frozenset(players))


def shapley_scaled(s, phi, v_all):
    """Credit table of a rate game with scale => true; None where v(all) = 0."""
    if v_all == 0:
        return None
    conversions, value = game_totals(s)
    total = sum(phi.values())
    table = {c: (phi[c] * conversions / v_all, phi[c] * value / total) for c in phi}
    return with_unattributed(s, table)


def shapley_ordered(s):
    """{(channel, position from 1): (conversions, value)}, rows that earn something."""
    table = {}
    for path, c in in_game(s).items():
        members = set(path)
        for position, channel in enumerate(path, 1):
            w = Fraction(1, len(members) * path.count(channel))
            conversions, value = table.get((channel, position), (Fraction(0), Fraction(0)))
            table[(channel, position)] = (conversions + w * c.conversions, value + w * money(c.value))
    return {k: v for k, v in table.items() if v != (0, 0)}


# --- Markov ----------------------------------------------------------------------------------------


def states_of(path, order, collapse_repeats=True):
    if len(path) < order:
        return [tuple(path)]
    states = [tuple(path[i:i + order]) for i in range(len(path) - order + 1)]
    if collapse_repeats:
        states = [x for i, x in enumerate(states) if i == 0 or x != states[i - 1]]
    return states


def chain(s, order=1, collapse_repeats=True):
    """({(from, to): transitions}, {last state: matured value}); ends are START, CONVERSION, NULL.

    States carry a tag so that no channel name can be mistaken for an end: ('s', k-gram)."""
    edges, rewards = {}, {}
    for path, c in in_game(s).items():
        if c.matured + c.lost == 0:
            continue
        walk = [("s", x) for x in states_of(path, order, collapse_repeats)]
        steps = list(zip([START] + walk[:-1], walk))
        for step in steps:
            edges[step] = edges.get(step, 0) + c.matured + c.lost
        if c.matured:
            edges[walk[-1], CONVERSION] = edges.get((walk[-1], CONVERSION), 0) + c.matured
        if c.lost:
            edges[walk[-1], NULL] = edges.get((walk[-1], NULL), 0) + c.lost
        rewards[walk[-1]] = rewards.get(walk[-1], 0) + c.matured_value
    return edges, rewards


def transitions(s, order=1, collapse_repeats=True):
    """{(from_state, to_state): (transitions, probability)} with states as tuples of names."""
    edges, _ = chain(s, order, collapse_repeats)
    out = {}
    for (a, _), n in edges.items():
        out[a] = out.get(a, 0) + n

    def name(state):
        return state[1] if state[0] == "s" else state

    return {(name(a), name(b)): (n, Fraction(n, out[a])) for (a, b), n in edges.items()}


def redirect(edges, channel):
    """The chain in which every state that contains the channel leads to null."""
    result = {}
    for (a, b), n in edges.items():
        if a[0] == "s" and channel in a[1]:
            b = NULL
        result[a, b] = result.get((a, b), 0) + n
    return result


def solve_integer(matrix, right):
    """Dense exact solution of matrix x = right (integers) by fraction-free elimination (Bareiss)."""
    n = len(matrix)
    m = [list(row) + [b] for row, b in zip(matrix, right)]
    previous = 1
    for k in range(n):
        pivot = next(i for i in range(k, n) if m[i][k] != 0)
        m[k], m[pivot] = m[pivot], m[k]
        for i in range(k + 1, n):
            if m[i][k] == 0:
                for j in range(k + 1, n + 1):
                    m[i][j] = m[i][j] * m[k][k] // previous
                continue
            for j in range(k + 1, n + 1):
                m[i][j] = (m[i][j] * m[k][k] - m[i][k] * m[k][j]) // previous
            m[i][k] = 0
        previous = m[k][k]
    x = [Fraction(0)] * n
    for i in reversed(range(n)):
        rest = m[i][n] - sum(m[i][j] * x[j] for j in range(i + 1, n) if m[i][j])
        x[i] = Fraction(rest) / m[i][i]
    return x


def expected_reward(edges, reward):
    """Expected reward of a walk from (start), reward[s] being received on s -> (conversion).

    For each state s: out_s h_s - sum_t n_st h_t = n_(s,conversion) reward_s."""
    states = sorted({a for a, _ in edges}, key=lambda x: (x != START, repr(x)))
    if START not in states:
        return Fraction(0)
    index = {x: i for i, x in enumerate(states)}
    n = len(states)
    matrix = [[0] * n for _ in range(n)]
    right = [Fraction(0)] * n
    for (a, b), count in edges.items():
        matrix[index[a]][index[a]] += count
        if b == CONVERSION:
            right[index[a]] += count * reward(a)
        elif b != NULL:
            matrix[index[a]][index[b]] -= count
    scale = lcm(*(r.denominator for r in right))
    # eliminate the start last: it is the unknown we want
    order = list(range(1, n)) + [0]
    solution = solve_integer(
        [[matrix[i][j] for j in order] for i in order], [int(right[i] * scale) for i in order]
    )
    return solution[-1] / scale


def conversion_probability(s, order=1, collapse_repeats=True):
    edges, _ = chain(s, order, collapse_repeats)
    return expected_reward(edges, lambda a: Fraction(1)) if edges else Fraction(0)


def removal_effects(s, order=1, collapse_repeats=True, solve=expected_reward, only=None):
    """({channel: RE or None}, {channel: RE of value or None})."""
    edges, rewards = chain(s, order, collapse_repeats)
    channels = s.channels() if only is None else only
    nothing = {c: None for c in channels}

    def value_reward(state):
        n = edges.get((state, CONVERSION), 0)
        return Fraction(rewards.get(state, 0), n * VALUE_UNIT) if n else Fraction(0)

    base = solve(edges, lambda a: Fraction(1)) if edges else 0
    if base == 0:
        return nothing, dict(nothing)
    base_value = solve(edges, value_reward)
    effects, value_effects = {}, {}
    for c in channels:
        removed = redirect(edges, c)
        effects[c] = 1 - solve(removed, lambda a: Fraction(1)) / base
        value_effects[c] = 1 - solve(removed, value_reward) / base_value if base_value != 0 else None
    return effects, value_effects


def markov(s, order=1, collapse_repeats=True, solve=expected_reward):
    """{channel: (RE, RE of value, conversions, value)}, UNATTRIBUTED with REs None."""
    effects, value_effects = removal_effects(s, order, collapse_repeats, solve)
    return markov_credit(s, effects, value_effects)


def markov_credit(s, effects, value_effects):
    conversions, value = game_totals(s)
    left_conversions, left_value = Fraction(0), Fraction(0)
    empty = s.paths.get(())
    if empty:
        left_conversions += empty.conversions
        left_value += money(empty.value)
    table = {}
    total = sum((e for e in effects.values() if e is not None), Fraction(0))
    value_total = sum((e for e in value_effects.values() if e is not None), Fraction(0))
    if effects and total == 0:  # no conversions, or none matured: nothing to tell channels apart
        left_conversions += conversions
        left_value += value
    for c in effects:
        credit = conversions * effects[c] / total if total else Fraction(0)
        if value_effects[c] is not None and value_total:
            value_credit = value * value_effects[c] / value_total
        else:
            value_credit = value * effects[c] / total if total else Fraction(0)
        table[c] = (effects[c], value_effects[c], credit, value_credit)
    if left_conversions or left_value:
        table[UNATTRIBUTED] = (None, None, left_conversions, left_value)
    return table


THRESHOLDS = 100


def choose_order(s, max_order=10):
    """{order: (states, nodes, auc, penalised auc, doubt)}; auc None without both outcomes.

    doubt: some score lies so close to a threshold that rounding decides on which side it falls."""
    rows = {p: c for p, c in in_game(s).items() if c.matured + c.lost}
    n = len(s.channels())
    population = sum(c.matured + c.lost for c in rows.values())
    result = {}
    for order in range(1, max_order + 1):
        nodes = comb(n + order - 1, order)
        if nodes >= population:
            continue
        last, states = {}, set()
        for path, c in rows.items():
            walk = states_of(path, order)
            states.update(walk)
            won, lost = last.get(walk[-1], (0, 0))
            last[walk[-1]] = (won + c.matured, lost + c.lost)
        scored = [(Fraction(won, won + lost), won, lost) for won, lost in last.values()]
        positives, negatives = sum(x[1] for x in scored), sum(x[2] for x in scored)
        if positives == 0 or negatives == 0:
            result[order] = (len(states), nodes, None, None, False)
            continue
        low, high = min(x[0] for x in scored), max(x[0] for x in scored)
        scored.sort(reverse=True)
        points, doubt, taken, won, lost = [(Fraction(0), Fraction(0))], False, 0, 0, 0
        for k in reversed(range(THRESHOLDS)):
            threshold = low + (high - low) * k / (THRESHOLDS - 1)
            while taken < len(scored) and scored[taken][0] >= threshold:
                won, lost, taken = won + scored[taken][1], lost + scored[taken][2], taken + 1
            if 0 < k < THRESHOLDS - 1 and high > low:
                doubt = doubt or any(
                    abs(x[0] - threshold) < Fraction(1, 10**12) for x in scored[max(taken - 1, 0):taken + 1]
                )
            points.append((Fraction(lost, negatives), Fraction(won, positives)))
        points.append((Fraction(1), Fraction(1)))
        auc = sum(
            ((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in zip(points, points[1:])), Fraction(0)
        )
        penalised = Fraction(0)
        if population - nodes - 1 != 0:
            penalised = 1 - (1 - auc) * Fraction(population - 1, population - nodes - 1)
        if not 0 <= penalised <= 1:
            penalised = Fraction(0)
        result[order] = (len(states), nodes, auc, penalised, doubt)
    return result


# --- what a summary lists --------------------------------------------------------------------------


def journeys(s):
    return {p: (c.conversions, c.lost, c.open, money(c.value)) for p, c in s.paths.items()}


def channel_rows(s):
    """{channel: (journeys, touches, conversions, first touches, last touches)}; journeys that ended."""
    table = {c: [0, 0, 0, 0, 0] for c in s.channels()}
    for path, c in in_game(s).items():
        ended = c.conversions + c.lost
        for channel in set(path):
            table[channel][0] += ended
            table[channel][2] += c.conversions
        for channel in path:
            table[channel][1] += ended
        table[path[0]][3] += ended
        table[path[-1]][4] += ended
    return {c: tuple(r) for c, r in table.items()}


def stats(s):
    rows = s.paths.values()
    return {
        "journeys": sum(c.conversions + c.lost for c in rows),
        "conversions": sum(c.conversions for c in rows),
        "lost": sum(c.lost for c in rows),
        "open": sum(c.open for c in rows),
        "matured": sum(c.matured + c.lost for c in rows),
        "value": total_value(s),
        "channels": len(s.channels()),
        "distinct_paths": len(s.paths),
        "longest_path": max((len(p) for p in s.paths), default=0),
        "unattributed": s.paths[()].conversions if () in s.paths else 0,
        "touches_seen": s.touches_seen,
        "anonymous_touches": s.anonymous_touches,
    }

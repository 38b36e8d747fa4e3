#include "event_state.h"

#include "common/int.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Runs of one level that are merged into one of the next: each open run costs a buffer. */
#define RUNS_PER_LEVEL 64

/* ---------------------------------------------------------------- life and death */

static void
charge(EventState *state, Size bytes, bool worth_spilling)
{
	state->node->used += bytes - state->charged;
	state->charged = bytes;
	if (worth_spilling == state->linked)
		return;
	if (worth_spilling)
		dlist_push_head(&state->node->states, &state->link);
	else
		dlist_delete(&state->link);
	state->linked = worth_spilling;
}

/* There are at most some sixteen states worth spilling in a node; smaller ones are nodeAgg's to bound. */
static void
charge_all(EventState *state)
{
	charge(state, state->buffer.allocated + state->run_bytes,
		   state->buffer.allocated >= state->node->limit / 16);
}

static void
release_state(void *arg)
{
	EventState *state = arg;

	/*
	 * A state just deserialized lives for one row, not in the node's context, which a failing query may free first:
	 * it charged nothing, so it has nothing to give back.
	 */
	if (state->charged > 0 || state->linked)
		charge(state, 0, false);
}

EventState *
event_state_create(MemoryContext parent, AggregateNode *node, const JourneySpec *spec, bool wide_keys,
				   bool by_part)
{
	MemoryContext context =
		AllocSetContextCreate(parent, "raw events", 0, (Size) 1024, ALLOCSET_DEFAULT_MAXSIZE);
	EventState *state = MemoryContextAllocZero(context, sizeof(EventState));
	MemoryContextCallback *callback = MemoryContextAllocZero(context, sizeof(MemoryContextCallback));
	const JourneyOptions *walk = &spec->walk;
	int64 lookback = walk->has_lookback ? walk->lookback : 0;

	state->context = context;
	state->node = node;
	state->by_part = by_part;
	state->spec = spec;
	state->format = (RunFormat){.wide_keys = wide_keys, .segments = by_part};
	/* a journey in the counting window takes touches from up to lookback before, and ends up to as much after */
	state->keep_from = PG_INT64_MIN;
	if (walk->has_counted_from && walk->has_lookback &&
		pg_sub_s64_overflow(walk->counted_from, lookback, &state->keep_from))
		state->keep_from = PG_INT64_MIN; /* what overflow leaves there is anything */
	state->keep_until = PG_INT64_MAX;
	if (walk->has_counted_until && walk->has_lookback &&
		pg_add_s64_overflow(walk->counted_until, lookback, &state->keep_until))
		state->keep_until = PG_INT64_MAX;
	if (walk->has_observed_until && walk->observed_until < state->keep_until)
		state->keep_until = walk->observed_until;
	channel_dict_init(&state->channels, context);
	channel_dict_init(&state->segments, context);
	event_buffer_init(&state->buffer, context, &state->channels, &state->segments, !wide_keys && !by_part);
	journey_sink_init(&state->direct, context, spec, &state->channels, &state->segments, by_part);
	callback->func = release_state;
	callback->arg = state;
	MemoryContextRegisterResetCallback(context, callback);
	return state;
}

/* ---------------------------------------------------------------- spilling */

/* The context is reset when the query goes on; if it fails, the resource owner closes the files. */
static void
close_runs(Datum arg)
{
	EventState *state = (EventState *) DatumGetPointer(arg);

	for (int i = 0; i < state->nruns; i++)
		if (state->runs[i].file)
			run_free(&state->runs[i]);
	state->nruns = 0;
}

static void
push_run(EventState *state, const EventRun *run, FunctionCallInfo fcinfo)
{
	if (state->nruns == state->runs_capacity)
	{
		state->runs_capacity = Max(8, state->runs_capacity * 2);
		state->runs = state->runs
						  ? repalloc(state->runs, state->runs_capacity * sizeof(EventRun))
						  : MemoryContextAlloc(state->context, state->runs_capacity * sizeof(EventRun));
	}
	state->runs[state->nruns++] = *run;
	if (run->file && !state->closing)
	{
		AggRegisterCallback(fcinfo, close_runs, PointerGetDatum(state));
		state->closing = true;
	}
}

static void
put_user(void *arg, const UserEvents *user)
{
	run_writer_put(arg, user);
}

/* The last runs, all of one level, become one of the next. */
static void
merge_level(EventState *state)
{
	int first = state->nruns - RUNS_PER_LEVEL;
	EventRun merged;
	RunWriter writer;

	run_writer_begin(&writer, state->format, BufFileCreateTemp(false));
	run_merge(state->runs + first, RUNS_PER_LEVEL, state->format, &state->channels, &state->segments,
			  put_user, &writer);
	run_writer_end(&writer, &merged);
	merged.level = state->runs[first].level + 1;
	for (int i = first; i < state->nruns; i++)
		run_free(&state->runs[i]);
	state->runs[first] = merged;
	state->nruns = first + 1;
}

static bool
level_is_full(const EventState *state)
{
	return state->nruns >= RUNS_PER_LEVEL && state->runs[state->nruns - 1].file != NULL &&
		   state->runs[state->nruns - RUNS_PER_LEVEL].level == state->runs[state->nruns - 1].level;
}

static void
spill(EventState *state, FunctionCallInfo fcinfo)
{
	MemoryContext previous = MemoryContextSwitchTo(state->context);
	EventRun run;
	RunWriter writer;

	run_writer_begin(&writer, state->format, BufFileCreateTemp(false));
	event_buffer_walk(&state->buffer, put_user, &writer);
	run_writer_end(&writer, &run);
	event_buffer_reset(&state->buffer);
	charge_all(state);
	push_run(state, &run, fcinfo);
	while (level_is_full(state))
		merge_level(state);
	MemoryContextSwitchTo(previous);
}

void
event_state_charge(EventState *state, FunctionCallInfo fcinfo)
{
	AggregateNode *node = state->node;

	charge_all(state);
	while (node->used > node->limit && !dlist_is_empty(&node->states))
	{
		EventState *largest = NULL;
		dlist_iter iter;

		dlist_foreach(iter, &node->states)
		{
			EventState *other = dlist_container(EventState, link, iter.cur);

			if (largest == NULL || other->buffer.allocated > largest->buffer.allocated)
				largest = other;
		}
		spill(largest, fcinfo);
	}
}

/* ---------------------------------------------------------------- all events */

void
event_state_walk(const EventState *state, UserEventsFn emit, void *arg)
{
	EventRun *runs;
	RunWriter writer;

	if (state->nruns == 0)
	{
		event_buffer_walk(&state->buffer, emit, arg);
		return;
	}
	/* what is still in memory becomes a run for the time being */
	runs = palloc((state->nruns + 1) * sizeof(EventRun));
	memcpy(runs, state->runs, state->nruns * sizeof(EventRun));
	run_writer_begin(&writer, state->format, NULL);
	event_buffer_walk(&state->buffer, put_user, &writer);
	run_writer_end(&writer, &runs[state->nruns]);
	run_merge(runs, state->nruns + 1, state->format, &state->channels, &state->segments, emit, arg);
	run_free(&runs[state->nruns]);
	pfree(runs);
}

void
event_state_pack(const EventState *state, RunWriter *writer, EventRun *run)
{
	event_state_walk(state, put_user, writer);
	run_writer_end(writer, run);
}

void
event_state_add_run(EventState *state, const EventRun *run, FunctionCallInfo fcinfo)
{
	EventRun kept = *run;

	if (run->bytes && state->node->used + run->size > state->node->limit)
	{
		MemoryContext previous = MemoryContextSwitchTo(state->context);

		kept.file = BufFileCreateTemp(false);
		BufFileWrite(kept.file, run->bytes, run->size);
		pfree(run->bytes);
		kept.bytes = NULL;
		MemoryContextSwitchTo(previous);
	}
	else
	{
		state->run_bytes += run->size;
		charge_all(state);
	}
	push_run(state, &kept, fcinfo);
}

/*
 * markov_removal_effect(), as a function of a summary and as the end of an aggregate, markov_transitions()
 * and markov_choose_order().
 */
#include "arguments.h"
#include "core/markov.h"
#include "core/markov_chain.h"
#include "core/markov_order.h"
#include "summary.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(attrib_markov_removal_effect);
PG_FUNCTION_INFO_V1(attrib_markov_final);
PG_FUNCTION_INFO_V1(attrib_markov_transitions);
PG_FUNCTION_INFO_V1(attrib_markov_choose_order);

#define MARKOV_COLUMNS 6

/* What a row of type markov_credit is made from. */
typedef struct MarkovRows
{
	const SummaryView *view;
	MarkovResult result;
	RowSink sink;
} MarkovRows;

static void
put_markov_row(void *arg, int64 channel, const char *name, Credit credit)
{
	MarkovRows *rows = arg;
	Datum values[MARKOV_COLUMNS];
	bool nulls[MARKOV_COLUMNS];
	const MarkovResult *result = &rows->result;
	double share = 0;

	values[0] = CStringGetTextDatum(name);
	nulls[0] = false;
	nulls[1] = channel < 0 || !result->known;
	values[1] = Float8GetDatum(nulls[1] ? 0 : result->removal_effect[channel]);
	nulls[2] = channel < 0 || !result->value_known;
	values[2] = Float8GetDatum(nulls[2] ? 0 : result->removal_effect_value[channel]);
	nulls[3] = nulls[4] = false;
	values[3] = Float8GetDatum(credit.conversions);
	values[4] = Float8GetDatum(credit.value);
	nulls[5] = !credit_share(rows->view, credit.conversions, &share);
	values[5] = Float8GetDatum(share);
	row_sink_put(&rows->sink, values, nulls);
	pfree(DatumGetPointer(values[0]));
}

Datum
attrib_markov_removal_effect(PG_FUNCTION_ARGS)
{
	MarkovRows rows = {.sink = row_sink_begin(fcinfo)};
	int order = argument_int32(fcinfo, 1, "markov_order", 1, PG_INT32_MAX);
	bool collapse_repeats = argument_bool(fcinfo, 2, "collapse_repeats");

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	rows.view = summary_view_arg(fcinfo, 0);
	attrib_check_status(markov_removal(rows.view, order, collapse_repeats, attrib_env(), &rows.result),
						"Markov removal effect");
	credit_rows(rows.view, &rows.result.credit, put_markov_row, &rows);
	return (Datum) 0;
}

/*
 * markov_removal_effect(path, converted, value).
 */
Datum
attrib_markov_final(PG_FUNCTION_ARGS)
{
	MarkovRows rows = {.view = summary_view_state(fcinfo)};

	if (rows.view == NULL)
		PG_RETURN_NULL();
	attrib_check_status(markov_removal(rows.view, 1, true, attrib_env(), &rows.result),
						"Markov removal effect");
	rows.sink = row_sink_begin_array(fcinfo);
	credit_rows(rows.view, &rows.result.credit, put_markov_row, &rows);
	return row_sink_array(&rows.sink);
}

static Datum
name_array(const char *name)
{
	Datum element = CStringGetTextDatum(name);

	return PointerGetDatum(construct_array(&element, 1, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Rows of markov_transitions(): from one state after the other. */
typedef struct TransitionRows
{
	RowSink sink;
	const MarkovChain *chain;
	MemoryContext scratch; /* emptied after each state */
	Datum *names;		   /* by channel */
	Datum conversion;
	Datum lost;
} TransitionRows;

static Datum
state_array(const TransitionRows *rows, uint32 state)
{
	const MarkovStates *states = &rows->chain->states;
	uint32 length = states->length[state];
	Datum *elements = palloc(length * sizeof(Datum));

	for (uint32 k = 0; k < length; k++)
		elements[k] = rows->names[states->gram[state][k]];
	return PointerGetDatum(construct_array(elements, (int) length, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
put_transition(TransitionRows *rows, Datum from, Datum to, fixed128 count, double total)
{
	Datum values[4];
	bool nulls[4] = {false};

	if (count == 0)
		return;
	if (count > PG_INT64_MAX)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("transitions of a state exceed the limit of %lld", (long long) PG_INT64_MAX),
						errhint("Scale the counts of the paths down; probabilities stay the same.")));
	values[0] = from;
	values[1] = to;
	values[2] = Int64GetDatum((int64) count);
	values[3] = Float8GetDatum((double) count / total);
	row_sink_put(&rows->sink, values, nulls);
}

static void
put_starts(TransitionRows *rows)
{
	const MarkovChain *chain = rows->chain;
	Datum start = name_array(START_NAME);

	for (uint32 i = 0; i < chain->states.nstates; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(rows->scratch);

		CHECK_FOR_INTERRUPTS();
		if (chain->start[i] > 0)
			put_transition(rows, start, state_array(rows, i), chain->start[i], (double) chain->journeys);
		MemoryContextSwitchTo(old);
		MemoryContextReset(rows->scratch);
	}
}

static void
put_steps(TransitionRows *rows, uint32 state)
{
	const MarkovChain *chain = rows->chain;
	MemoryContext old = MemoryContextSwitchTo(rows->scratch);
	fixed128 visits = (fixed128) chain->converted[state] + chain->lost[state];
	Datum from = state_array(rows, state);

	for (size_t e = chain->edge_first[state]; e < chain->edge_first[state + 1]; e++)
		visits += chain->edge_count[e];
	for (size_t e = chain->edge_first[state]; e < chain->edge_first[state + 1]; e++)
	{
		Datum to = state_array(rows, chain->edge_to[e]);

		CHECK_FOR_INTERRUPTS();
		put_transition(rows, from, to, chain->edge_count[e], (double) visits);
		pfree(DatumGetPointer(to));
	}
	put_transition(rows, from, rows->conversion, chain->converted[state], (double) visits);
	put_transition(rows, from, rows->lost, chain->lost[state], (double) visits);
	MemoryContextSwitchTo(old);
	MemoryContextReset(rows->scratch);
}

Datum
attrib_markov_transitions(PG_FUNCTION_ARGS)
{
	TransitionRows rows = {.sink = row_sink_begin(fcinfo)};
	int order = argument_int32(fcinfo, 1, "markov_order", 1, PG_INT32_MAX);
	bool collapse_repeats = argument_bool(fcinfo, 2, "collapse_repeats");
	const SummaryView *view;
	MarkovChain chain;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	view = summary_view_arg(fcinfo, 0);
	attrib_check_status(markov_chain_build(view, (uint32) order, collapse_repeats, attrib_env(), &chain),
						"Markov chain");
	rows.chain = &chain;
	rows.scratch = AllocSetContextCreate(CurrentMemoryContext, "markov_transitions", ALLOCSET_DEFAULT_SIZES);
	rows.names = CORE_ALLOC(attrib_env(), Datum, view->nchannels);
	for (uint32 c = 0; c < view->nchannels; c++)
		rows.names[c] = CStringGetTextDatum(view->channels[c]);
	rows.conversion = name_array(CONVERSION_NAME);
	rows.lost = name_array(NULL_NAME);
	put_starts(&rows);
	for (uint32 i = 0; i < chain.states.nstates; i++)
		put_steps(&rows, i);
	return (Datum) 0;
}

Datum
attrib_markov_choose_order(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	uint32 max_order = (uint32) argument_int32(fcinfo, 1, "max_order", 1, PG_INT32_MAX);
	const SummaryView *view;
	MarkovOrders orders;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	view = summary_view_arg(fcinfo, 0);
	markov_orders_begin(view, attrib_env(), &orders);
	while (orders.fit.order < max_order)
	{
		Datum values[5];
		bool nulls[5] = {false};
		bool more;

		attrib_check_status(markov_orders_next(&orders, &more), "choice of the Markov order");
		if (!more)
			break;
		values[0] = Int32GetDatum((int32) orders.fit.order);
		values[1] = Int64GetDatum(orders.fit.states);
		values[2] = Int64GetDatum(orders.fit.nodes);
		values[3] = Float8GetDatum(orders.fit.auc);
		values[4] = Float8GetDatum(orders.fit.penalized_auc);
		nulls[3] = nulls[4] = !orders.fit.known;
		row_sink_put(&sink, values, nulls);
	}
	return (Datum) 0;
}

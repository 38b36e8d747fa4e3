/*
 * optimize_budget() and budget_frontier() over response curves.
 */
#include "budget.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/json.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(attrib_optimize_budget);
PG_FUNCTION_INFO_V1(attrib_budget_frontier);

#define BAD_VALUE ERRCODE_INVALID_PARAMETER_VALUE
#define MOST_STEPS 100000

#define ARG_EXTRA ARG_BUDGET_END

static const char *const objective_names[] = {"revenue", "profit", "roi", "reach"};
static const char *const target_names[] = {"", "target_roas", "target_marginal_roas", "target_response"};

double
budget_float8_between(FunctionCallInfo fcinfo, int argno, const char *name, double low, double high)
{
	double value = argument_float8(fcinfo, argno, name);

	if (!(value >= low && value <= high))
		ereport(ERROR,
				(errcode(BAD_VALUE), errmsg("%s must be between %g and %g, not %g", name, low, high, value),
				 errhint("Leave the argument out where it has a default; far larger or smaller amounts want "
						 "another unit.")));
	return value;
}

static BudgetObjective
objective_argument(FunctionCallInfo fcinfo)
{
	char *name = argument_text(fcinfo, ARG_OBJECTIVE, "objective");

	for (int i = 0; i < (int) lengthof(objective_names); i++)
	{
		if (strcmp(name, objective_names[i]) == 0)
			return i;
	}
	ereport(ERROR, (errcode(BAD_VALUE), errmsg("unrecognized objective \"%s\"", name),
					errhint("Known objectives are revenue, profit, roi, reach.")));
	pg_unreachable();
}

static bool
exactly_argument(FunctionCallInfo fcinfo)
{
	char *name = argument_text(fcinfo, ARG_SPEND, "spend");

	if (strcmp(name, "exactly") != 0 && strcmp(name, "at_most") != 0)
		ereport(ERROR,
				(errcode(BAD_VALUE), errmsg("spend must be 'at_most' or 'exactly', not \"%s\"", name),
				 errhint("'at_most' may leave budget that brings nothing; 'exactly' spends all of it.")));
	return strcmp(name, "exactly") == 0;
}

static void
target_argument(FunctionCallInfo fcinfo, BudgetRequest *request)
{
	for (int target = BUDGET_TARGET_ROAS; target <= BUDGET_TARGET_RESPONSE; target++)
	{
		int argno = ARG_TARGET_ROAS + target - BUDGET_TARGET_ROAS;

		if (PG_ARGISNULL(argno))
			continue;
		if (request->target != BUDGET_NO_TARGET)
			ereport(ERROR, (errcode(BAD_VALUE),
							errmsg("%s and %s cannot be given together", target_names[request->target],
								   target_names[target]),
							errhint("Give the one that matters; the others can be read off the answer.")));
		request->target = target;
		request->target_value =
			budget_float8_between(fcinfo, argno, target_names[target], 1e-30, BUDGET_LARGEST_AMOUNT);
	}
}

/* Which demands make no sense together. */
static void
check_request(const BudgetRequest *r)
{
	bool response = r->target == BUDGET_TARGET_RESPONSE;
	bool marginal = r->target == BUDGET_TARGET_MARGINAL_ROAS;

	if ((r->objective == BUDGET_ROI && r->target != BUDGET_NO_TARGET) ||
		(r->objective == BUDGET_REACH && r->target != BUDGET_NO_TARGET && !response) ||
		(r->objective == BUDGET_PROFIT && response))
		ereport(ERROR,
				(errcode(BAD_VALUE),
				 errmsg("%s cannot be given with objective %s", target_names[r->target],
						objective_names[r->objective]),
				 errhint("%s", response ? "The least spend for a response is the same for any margin."
										: "Targets on the return go with objectives revenue and profit.")));
	if (r->objective == BUDGET_REACH && response && r->target_value >= 1)
		ereport(ERROR, (errcode(BAD_VALUE),
						errmsg("target_response %g is no reach: it must be below 1", r->target_value),
						errhint("Reach is the share of the audience.")));
	if (r->exactly && (response || marginal))
		ereport(ERROR, (errcode(BAD_VALUE),
						errmsg("%s cannot be given with spend 'exactly'", target_names[r->target]),
						errhint("That target is about how much to spend.")));
	if (r->exactly && isinf(r->total))
		ereport(ERROR,
				(errcode(BAD_VALUE), errmsg("spend 'exactly' needs a finite total_budget, not Infinity"),
				 errhint("Give the total, or take spend 'at_most'.")));
}

/* NULL is today's total unless a target says how much to spend; 'Infinity' is no limit. */
static double
total_argument(FunctionCallInfo fcinfo, BudgetTarget target, const BudgetCurves *curves)
{
	double total = 0;

	if (!PG_ARGISNULL(ARG_TOTAL_BUDGET))
	{
		total = PG_GETARG_FLOAT8(ARG_TOTAL_BUDGET);
		return isinf(total) && total > 0 ? total
										 : budget_float8_between(fcinfo, ARG_TOTAL_BUDGET, "total_budget", 0,
																 BUDGET_LARGEST_AMOUNT);
	}
	if (target != BUDGET_NO_TARGET)
		return INFINITY;
	for (int i = 0; i < curves->count; i++)
	{
		if (isnan(curves->channels[i].current))
			ereport(ERROR, (errcode(BAD_VALUE),
							errmsg("without total_budget today's total is taken, but current_spend of "
								   "channel \"%s\" is unknown",
								   curves->names[i]),
							errhint("Give total_budget, a target, or every current_spend.")));
		total += curves->channels[i].current;
	}
	return total;
}

void
budget_refuse_extra(Jsonb *extra)
{
	JsonbObjectIter it;

	jsonb_object_begin(&it, extra, "extra");
	while (jsonb_object_next(&it))
		jsonb_option_unknown(&it, "none so far");
}

void
budget_warn(const BudgetPlan *plan, const BudgetRequest *request, const char *function)
{
	if (!plan->certified)
		ereport(
			WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("%s: the plan is proven to a gap of %.3g, not to the tolerance of %g", function,
					plan->gap, request->tolerance),
			 errhint("Any plan is at most that far from the best. A higher node_limit may narrow the gap.")));
}

BudgetPlan
budget_plan_or_raise(const BudgetRequest *request, const BudgetCurves *curves,
					 const BudgetConstraints *constraints, const char *function)
{
	BudgetPlan plan;
	BudgetTrouble trouble;
	CoreStatus status = budget_optimize(attrib_env(), request, &plan, &trouble);

	if (status == CORE_BAD_INPUT)
		budget_raise(&trouble, request, curves, constraints);
	attrib_check_status(status, function);
	return plan;
}

const char *
budget_binding_name(int binding, const BudgetRequest *request, const BudgetConstraints *constraints)
{
	switch (binding)
	{
		case BUDGET_UNBOUND:
			return NULL;
		case BUDGET_MIN_SPEND:
			return "min_spend";
		case BUDGET_MAX_SPEND:
			return "max_spend";
		case BUDGET_TOTAL:
			return "total_budget";
		case BUDGET_TARGET:
			return target_names[request->target];
		default:
			return constraints->names[binding];
	}
}

void
budget_put_number(Datum *values, bool *nulls, int column, double value)
{
	nulls[column] = isnan(value);
	values[column] = Float8GetDatum(value);
}

static void
put_channel(RowSink *sink, const BudgetRequest *request, const BudgetCurves *curves,
			const BudgetConstraints *constraints, const BudgetPlan *plan, int i)
{
	Datum values[14] = {0};
	bool nulls[14] = {false};
	Curve curve = curves->channels[i].curve;
	double current = curves->channels[i].current;
	double spend = plan->spend[i];
	const char *binding = budget_binding_name(plan->binding[i], request, constraints);
	double now;
	double then;

	curve.log_miss = false; /* of reach, too, a channel's response is its own */
	curve_prepare(&curve);
	then = curve_value(&curve, spend);
	now = isnan(current) ? NAN : curve_value(&curve, current);
	values[0] = CStringGetTextDatum(curves->names[i]);
	budget_put_number(values, nulls, 1, current);
	budget_put_number(values, nulls, 2, spend);
	budget_put_number(values, nulls, 3, now);
	budget_put_number(values, nulls, 4, then);
	budget_put_number(values, nulls, 5, then - now);
	budget_put_number(values, nulls, 6, spend > 0 ? then / spend : NAN);
	budget_put_number(values, nulls, 7, curve_slope_at(&curve, spend));
	budget_put_number(values, nulls, 8, plan->shadow_price[i]);
	nulls[9] = binding == NULL;
	if (binding)
		values[9] = CStringGetTextDatum(binding);
	nulls[10] = true; /* a curve does not say which spends were ever observed */
	budget_put_number(values, nulls, 11, plan->value);
	budget_put_number(values, nulls, 12, plan->bound);
	budget_put_number(values, nulls, 13, plan->gap);
	row_sink_put(sink, values, nulls);
}

BudgetRequest
budget_request_read(FunctionCallInfo fcinfo, const BudgetCurves *curves, BudgetConstraints *constraints)
{
	BudgetRequest request = {0};

	request.objective = objective_argument(fcinfo);
	request.exactly = exactly_argument(fcinfo);
	target_argument(fcinfo, &request);
	request.margin = budget_float8_between(fcinfo, ARG_MARGIN, "margin", 1e-30, BUDGET_LARGEST_AMOUNT);
	request.tolerance = budget_float8_between(fcinfo, ARG_TOLERANCE, "tolerance", 1e-9, 0.5);
	request.node_limit = argument_int32(fcinfo, ARG_NODE_LIMIT, "node_limit", 1, PG_INT32_MAX);
	argument_not_null(fcinfo, ARG_CONSTRAINTS, "constraints");
	*constraints = budget_constraints_read(PG_GETARG_JSONB_P(ARG_CONSTRAINTS), curves);
	request.total = total_argument(fcinfo, request.target, curves);
	check_request(&request);
	request.channels = curves->count;
	request.channel = curves->channels;
	request.groups = constraints->count;
	request.group = constraints->groups;
	return request;
}

Datum
attrib_optimize_budget(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	BudgetRequest request;
	BudgetCurves curves;
	BudgetConstraints constraints;
	BudgetPlan plan;

	if (PG_ARGISNULL(ARG_CURVES))
		return (Datum) 0;
	curves = budget_curves_read(PG_GETARG_ARRAYTYPE_P(ARG_CURVES));
	argument_not_null(fcinfo, ARG_EXTRA, "extra");
	budget_refuse_extra(PG_GETARG_JSONB_P(ARG_EXTRA));
	request = budget_request_read(fcinfo, &curves, &constraints);
	budget_curves_prepare(&curves, request.objective == BUDGET_REACH);
	if (curves.count == 0)
		return (Datum) 0;
	plan = budget_plan_or_raise(&request, &curves, &constraints, "optimize_budget");
	budget_warn(&plan, &request, "optimize_budget");
	for (int i = 0; i < curves.count; i++)
		put_channel(&sink, &request, &curves, &constraints, &plan, i);
	return (Datum) 0;
}

/* {"tv": 1200, ...} */
static Datum
allocation_jsonb(const BudgetCurves *curves, const BudgetPlan *plan)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < curves->count; i++)
	{
		appendStringInfoString(&text, i > 0 ? ", " : "{");
		escape_json(&text, curves->names[i]);
		appendStringInfo(&text, ": %s", exact_float8(plan->spend[i]));
	}
	appendStringInfoChar(&text, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data));
}

static double
plan_response(const BudgetCurves *curves, const BudgetPlan *plan)
{
	double response = 0;

	for (int i = 0; i < curves->count; i++)
		response += curve_value(&curves->channels[i].curve, plan->spend[i]);
	return response;
}

Datum
attrib_budget_frontier(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	BudgetRequest request = {.margin = 1, .tolerance = 1e-6, .node_limit = 100000};
	BudgetCurves curves;
	BudgetConstraints constraints;
	MemoryContext step_context;
	double *start;
	double low;
	double high;
	double before = NAN;
	int steps;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	curves = budget_curves_read(PG_GETARG_ARRAYTYPE_P(0));
	low = budget_float8_between(fcinfo, 1, "low", 0, BUDGET_LARGEST_AMOUNT);
	high = budget_float8_between(fcinfo, 2, "high", low, BUDGET_LARGEST_AMOUNT);
	steps = argument_int32(fcinfo, 3, "steps", 1, MOST_STEPS);
	argument_not_null(fcinfo, 4, "constraints");
	constraints = budget_constraints_read(PG_GETARG_JSONB_P(4), &curves);
	budget_curves_prepare(&curves, false);
	if (curves.count == 0)
		return (Datum) 0;
	request.channels = curves.count;
	request.channel = curves.channels;
	request.groups = constraints.count;
	request.group = constraints.groups;
	start = palloc(sizeof(double) * curves.count);
	step_context =
		AllocSetContextCreate(CurrentMemoryContext, "budget_frontier step", ALLOCSET_DEFAULT_SIZES);
	for (int step = 0; step < steps; step++)
	{
		MemoryContext outer = MemoryContextSwitchTo(step_context);
		double last_total = request.total;
		Datum values[5];
		bool nulls[5] = {false};
		BudgetPlan plan;
		double response;

		request.total = steps > 1 ? low + (high - low) * step / (steps - 1) : low;
		plan = budget_plan_or_raise(&request, &curves, &constraints, "budget_frontier");
		budget_warn(&plan, &request, "budget_frontier");
		response = plan_response(&curves, &plan);
		budget_put_number(values, nulls, 0, request.total);
		budget_put_number(values, nulls, 1, response);
		budget_put_number(values, nulls, 2,
						  request.total > last_total ? (response - before) / (request.total - last_total)
													 : NAN);
		budget_put_number(values, nulls, 3, plan.total_price);
		values[4] = allocation_jsonb(&curves, &plan);
		row_sink_put(&sink, values, nulls);
		before = response;
		memcpy(start, plan.spend, sizeof(double) * curves.count);
		request.start = start; /* the next total allows this plan, and a better one is near */
		MemoryContextSwitchTo(outer);
		MemoryContextReset(step_context);
	}
	return (Datum) 0;
}

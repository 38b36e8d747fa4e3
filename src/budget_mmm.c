/*
 * optimize_budget() over a media mix model: each channel's curve is its response to multiples of its spend in the
 * last periods of the training, the same that mmm_response_curves reports.
 */
#include "budget.h"

#include <math.h>

#include "core/budget_risk.h"
#include "mmm_response.h"

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(attrib_optimize_budget_mmm);

#define BAD_VALUE ERRCODE_INVALID_PARAMETER_VALUE
#define FUNCTION "optimize_budget"

/* What follows the arguments that both forms share. */
enum
{
	ARG_PERIODS = ARG_BUDGET_END,
	ARG_RISK,
	ARG_RISK_LEVEL,
	ARG_EXTRA,
};

/*
 * Tables are this exact, relative to today's response: far below any tolerance. Many draws cost time for every knot,
 * and a tail's gap is seldom that narrow.
 */
#define ACCURACY 1e-11
#define DRAWS_ACCURACY 1e-9
#define TAIL_ACCURACY 1e-8

/* Of lift_low and lift_high. */
#define LIFT_LEVEL 0.9

/* Tails keep every draw's curves in memory: at most so many draws, evenly thinned. */
#define MOST_TAIL_DRAWS 1000
#define LEAST_TAIL_DRAWS 200
#define MOST_TAIL_TERMS 600000

/* Terms summed into the curve of one channel: beyond this, draws are thinned evenly. */
#define MOST_TERMS 20000000

/* A model as the channels of a budget. Channels without spend in the window cannot be scaled: they are left out. */
typedef struct ModelBudget
{
	const MmmValue *value;
	MmmWindow window;
	BudgetCurves curves;
	int *channel;  /* the model's, of each curve */
	double *spend; /* in the window */
	double unit;   /* of the optimizer's response, in KPI units: 1, or what makes it money */
	int *draw;	   /* whose mean the response is; the estimate alone is draw -1 */
	int draws;
	double tail_level; /* 0: all of them count; otherwise the worst share */
} ModelBudget;

static MmmWindow
window_argument(FunctionCallInfo fcinfo, const MmmModel *model)
{
	MmmWindow window = {0, model->train};

	if (!PG_ARGISNULL(ARG_PERIODS))
		window.from = window.to - argument_int32(fcinfo, ARG_PERIODS, "periods", 1, model->train);
	return window;
}

static void
gather_channels(ModelBudget *b)
{
	const MmmData *data = b->value->data;

	b->curves.names = palloc(sizeof(char *) * data->channels);
	b->curves.kinds = palloc(sizeof(SaturationKind) * data->channels);
	b->curves.channels = palloc0(sizeof(BudgetChannel) * data->channels);
	b->channel = palloc(sizeof(int) * data->channels);
	b->spend = palloc(sizeof(double) * data->channels);
	for (int c = 0; c < data->channels; c++)
	{
		double spend = mmm_window_spend(data, b->window, c);
		int i = b->curves.count;

		if (!(spend > 0))
			continue;
		b->channel[i] = c;
		b->spend[i] = spend;
		b->curves.names[i] = pstrdup(data->channel_name[c]);
		b->curves.kinds[i] = b->value->spec.saturation;
		b->curves.channels[i].current = spend;
		b->curves.channels[i].high = spend * CURVE_TABLE_MOST;
		b->curves.count++;
	}
	if (b->curves.count == 0)
		ereport(ERROR, (errcode(BAD_VALUE),
						errmsg("no channel has spend in the last %d periods of the training",
							   b->window.to - b->window.from),
						errhint("Plans are multiples of what was spent: give more periods.")));
}

/* ------------------------------------------------------------------------------------------------------
 * Curves
 * ------------------------------------------------------------------------------------------------------ */

/* The terms of one channel's response under one draw, over all geos. */
typedef struct TermRoom
{
	double *x;
	double *gain;
	double *scale;
} TermRoom;

static CurveTerms
response_terms(const ModelBudget *b, int draw, int channel, TermRoom *room)
{
	const MmmModel *m = &b->value->model;
	const MmmData *data = b->value->data;
	const double *parameters = mmm_draw(b->value, draw);
	const double *transforms = parameters + channel * m->per_channel;
	CurveTerms terms;
	int n = data->periods;

	CHECK_FOR_INTERRUPTS();
	for (int g = 0; g < data->geos; g++)
	{
		double unit = b->unit * mmm_kpi_unit(m, g) * mmm_coefficient(m, parameters, g, channel);
		double *gain = room->gain + (Size) g * n;

		mmm_scaled_exposure(m, data, g, channel, room->x);
		mmm_response_terms(m, transforms, room->x, n, b->window.from, b->window.to, gain,
						   room->scale + (Size) g * n, attrib_env());
		for (int t = 0; t < n; t++)
			gain[t] *= unit;
	}
	terms = (CurveTerms){mmm_saturation(m, transforms), 1, mmm_rows(data), room->gain, room->scale};
	if (terms.shape.kind == SATURATION_LINEAR) /* as a table: the root that is one */
		terms.shape = (Saturation){SATURATION_ROOT, 1, 1};
	return terms;
}

/* A sum of lines is a line. */
static Curve
linear_curve(const ModelBudget *b, int i, TermRoom *room)
{
	Curve curve = {.shape = {SATURATION_LINEAR, 1, 1}, .weight = 1.0 / b->draws};

	for (int d = 0; d < b->draws; d++)
	{
		CurveTerms terms = response_terms(b, b->draw[d], b->channel[i], room);

		for (int k = 0; k < terms.count; k++)
			curve.coefficient += terms.gain[k] * terms.scale[k] / b->spend[i];
	}
	return curve;
}

/* A grid for all draws, of which a curve is the mean. */
static CurveGrid
grid_for(const ModelBudget *b, int i, TermRoom *room)
{
	double accuracy = b->tail_level > 0 ? TAIL_ACCURACY : b->draws > 1 ? DRAWS_ACCURACY : ACCURACY;
	CurveGrid grid = {0};

	for (int d = 0; d < b->draws; d++)
	{
		CurveTerms terms = response_terms(b, b->draw[d], b->channel[i], room);

		terms.weight = 1.0 / b->draws;
		curve_grid_show(&grid, &terms, accuracy);
	}
	curve_grid_choose(&grid, accuracy);
	return grid;
}

static Curve
table_curve(const ModelBudget *b, int i, TermRoom *room)
{
	Curve curve = {.shape = {SATURATION_HILL, b->spend[i], 1}, .weight = 1, .stretch = 1 / b->spend[i]};
	CurveGrid grid = grid_for(b, i, room);
	double *jet = palloc0(sizeof(double) * CURVE_GRID_JET * Max(grid.knots, 1));

	curve.coefficient = grid.knots > 0;
	for (int d = 0; d < b->draws && grid.knots > 0; d++)
	{
		CurveTerms terms = response_terms(b, b->draw[d], b->channel[i], room);

		terms.weight = 1.0 / b->draws;
		curve_grid_add(attrib_env(), &grid, &terms, jet);
	}
	if (grid.knots > 0)
		curve.table = curve_table_create(attrib_env(), &grid, jet);
	pfree(jet);
	return curve;
}

static TermRoom
make_room(const ModelBudget *b)
{
	Size rows = mmm_rows(b->value->data);
	TermRoom room;

	room.x = palloc_extended(sizeof(double) * b->value->data->periods, MCXT_ALLOC_HUGE);
	room.gain = palloc_extended(sizeof(double) * rows, MCXT_ALLOC_HUGE);
	room.scale = palloc_extended(sizeof(double) * rows, MCXT_ALLOC_HUGE);
	return room;
}

/* Every draw's own numbers. */
static BudgetDraws
draw_jets(const ModelBudget *b)
{
	TermRoom room = make_room(b);
	int n = b->curves.count;
	CurveGrid *grids = palloc(sizeof(CurveGrid) * n);
	double *stretch = palloc(sizeof(double) * n);
	double **jet = palloc(sizeof(double *) * n);

	for (int i = 0; i < n; i++)
	{
		Size numbers;

		grids[i] = grid_for(b, i, &room);
		stretch[i] = 1 / b->spend[i];
		numbers = (Size) grids[i].knots * CURVE_GRID_JET;
		jet[i] =
			palloc_extended(sizeof(double) * Max(numbers * b->draws, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		for (int d = 0; d < b->draws && numbers > 0; d++)
		{
			CurveTerms terms = response_terms(b, b->draw[d], b->channel[i], &room);

			curve_grid_add(attrib_env(), &grids[i], &terms, jet[i] + d * numbers);
		}
	}
	return (BudgetDraws){n, b->draws, grids, jet, stretch};
}

static void
make_curves(ModelBudget *b)
{
	TermRoom room = make_room(b);

	for (int i = 0; i < b->curves.count; i++)
	{
		Curve *curve = &b->curves.channels[i].curve;

		*curve = curve_table_takes(b->value->spec.saturation) ? table_curve(b, i, &room)
															  : linear_curve(b, i, &room);
		curve_prepare(curve);
	}
}

/* ------------------------------------------------------------------------------------------------------
 * Answers
 * ------------------------------------------------------------------------------------------------------ */

/* What the model says of one channel at two spends, in KPI units. */
typedef struct ChannelAnswer
{
	double now;
	double then;
	double slope; /* per unit of spend, at the plan */
} ChannelAnswer;

static ChannelAnswer
answer(const ModelBudget *b, int i, double spend)
{
	double multiplier[] = {1, spend / b->spend[i]};
	ChannelAnswer a = {0, 0, 0};

	for (int d = 0; d < b->draws; d++)
	{
		double response[2];
		double slope[2];

		mmm_window_responses(b->value, b->draw[d], b->channel[i], multiplier, 2, b->window, response, slope);
		a.now += response[0] / b->draws;
		a.then += response[1] / b->draws;
		a.slope += slope[1] / b->spend[i] / b->draws;
	}
	return a;
}

/* The plan's worth by the model itself instead of by tables, which differ in the eleventh digit. */
static void
state_worth(const ModelBudget *b, const BudgetRequest *request, const ChannelAnswer *answers,
			BudgetPlan *plan)
{
	double spend = 0;
	double response = 0;

	for (int i = 0; i < b->curves.count; i++)
	{
		spend += plan->spend[i];
		response += b->unit * answers[i].then;
	}
	if (request->target != BUDGET_TARGET_RESPONSE && b->tail_level == 0)
		plan->value = request->objective == BUDGET_PROFIT ? request->margin * response - spend
					  : request->objective == BUDGET_ROI  ? (spend > 0 ? response / spend : 0)
														  : response;
	plan->bound = fmax(plan->bound, plan->value);
	plan->gap = (plan->bound - plan->value) / plan->gap_unit;
	plan->certified = plan->gap <= request->tolerance;
}

static void
put_channel(RowSink *sink, const ModelBudget *b, const BudgetRequest *request,
			const BudgetConstraints *constraints, const BudgetPlan *plan, const ChannelAnswer *a, int i,
			double *lift)
{
	double spend = plan->spend[i];
	double money = b->value->kpi_value;
	/* revenue is told in KPI units, whatever the optimizer counted in */
	double unit =
		request->objective == BUDGET_REVENUE && request->target != BUDGET_TARGET_RESPONSE ? 1 / b->unit : 1;
	const char *binding = budget_binding_name(plan->binding[i], request, constraints);
	Datum values[16] = {0};
	bool nulls[16] = {false};

	values[0] = CStringGetTextDatum(b->curves.names[i]);
	budget_put_number(values, nulls, 1, b->spend[i]);
	budget_put_number(values, nulls, 2, spend);
	budget_put_number(values, nulls, 3, a->now);
	budget_put_number(values, nulls, 4, a->then);
	budget_put_number(values, nulls, 5, a->then - a->now);
	budget_put_number(values, nulls, 6, spend > 0 ? money * a->then / spend : NAN);
	budget_put_number(values, nulls, 7, money * a->slope);
	budget_put_number(values, nulls, 8, unit * plan->shadow_price[i]);
	nulls[9] = binding == NULL;
	if (binding)
		values[9] = CStringGetTextDatum(binding);
	values[10] = BoolGetDatum(spend / b->spend[i] >
							  mmm_observed_reach(b->value, b->window, b->channel[i]) * (1 + 1e-12));
	budget_put_number(values, nulls, 11, unit * plan->value);
	budget_put_number(values, nulls, 12, unit * plan->bound);
	budget_put_number(values, nulls, 13, plan->gap);
	mmm_put_interval(lift, b->value->fit.draws, LIFT_LEVEL, values + 14, nulls + 14);
	row_sink_put(sink, values, nulls);
}

static void
put_plan(RowSink *sink, const ModelBudget *b, const BudgetRequest *request,
		 const BudgetConstraints *constraints, BudgetPlan *plan)
{
	ChannelAnswer *answers = palloc(sizeof(ChannelAnswer) * b->curves.count);
	int draws = b->value->fit.draws;
	double *lift = palloc_extended(sizeof(double) * Max(draws, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < b->curves.count; i++)
		answers[i] = answer(b, i, plan->spend[i]);
	state_worth(b, request, answers, plan);
	budget_warn(plan, request, FUNCTION);
	for (int i = 0; i < b->curves.count; i++)
	{
		double multiplier[] = {1, plan->spend[i] / b->spend[i]};

		for (int d = 0; d < draws; d++)
		{
			double response[2];
			double slope[2];

			mmm_window_responses(b->value, d, b->channel[i], multiplier, 2, b->window, response, slope);
			lift[d] = response[1] - response[0];
		}
		put_channel(sink, b, request, constraints, plan, &answers[i], i, lift);
	}
}

static void
check_model_request(const ModelBudget *b, const BudgetRequest *request)
{
	if (request->objective == BUDGET_REACH)
		ereport(ERROR, (errcode(BAD_VALUE), errmsg("objective reach needs response curves, not a model"),
						errhint("A model's response is in units of its KPI, not a share of an audience.")));
	if (b->value->spec.interactions > 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("optimize_budget cannot take a model with interactions"),
						errhint("Its response is no sum over channels. Fit it without interactions.")));
	if (b->tail_level > 0 && (request->target != BUDGET_NO_TARGET || request->objective == BUDGET_ROI))
		ereport(ERROR, (errcode(BAD_VALUE), errmsg("risk 'cvar' goes without targets and objective roi"),
						errhint("Give total_budget or constraints, with objective revenue or profit.")));
}

/* Every so many of the model's draws. */
static void
take_draws(ModelBudget *b, int most)
{
	int all = b->value->fit.draws;
	int every = (all + most - 1) / most;

	b->draws = 0;
	b->draw = palloc(sizeof(int) * Max(all, 1));
	for (int d = 0; d < all; d += every)
		b->draw[b->draws++] = d;
}

/* Whose response is planned for: the estimate's, the mean of a posterior's draws, or the tail of any draws. */
static void
choose_draws(FunctionCallInfo fcinfo, ModelBudget *b)
{
	char *risk = argument_text(fcinfo, ARG_RISK, "risk");
	double level = budget_float8_between(fcinfo, ARG_RISK_LEVEL, "risk_level", 0.001, 1);
	Size rows = mmm_rows(b->value->data);

	if (strcmp(risk, "mean") != 0 && strcmp(risk, "cvar") != 0)
		ereport(ERROR, (errcode(BAD_VALUE), errmsg("risk must be 'mean' or 'cvar', not \"%s\"", risk),
						errhint("'cvar' plans for the mean of the worst draws.")));
	if (strcmp(risk, "cvar") == 0)
	{
		if (b->value->fit.draws < 20)
			ereport(ERROR,
					(errcode(BAD_VALUE),
					 errmsg("risk 'cvar' needs a model with at least 20 draws, not %d", b->value->fit.draws),
					 errhint("Fit it with extra => '{\"replicates\": 200}' or more.")));
		b->tail_level = level;
		take_draws(b,
				   Min(MOST_TAIL_DRAWS, Max(LEAST_TAIL_DRAWS, MOST_TAIL_TERMS / (rows * b->curves.count))));
	}
	else if (b->value->fit.chains == 0 || b->value->fit.draws == 0)
	{
		b->draw = palloc(sizeof(int));
		b->draw[0] = -1;
		b->draws = 1;
	}
	else
		take_draws(b, Max(MOST_TERMS / rows, 20));
}

static BudgetPlan
tail_plan(const ModelBudget *b, const BudgetRequest *request, const BudgetConstraints *constraints)
{
	BudgetDraws draws = draw_jets(b);
	BudgetPlan plan;
	BudgetTrouble trouble;
	CoreStatus status = budget_optimize_tail(attrib_env(), request, &draws, b->tail_level, &plan, &trouble);

	if (status == CORE_BAD_INPUT)
		budget_raise(&trouble, request, &b->curves, constraints);
	attrib_check_status(status, FUNCTION);
	return plan;
}

Datum
attrib_optimize_budget_mmm(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	ModelBudget b = {0};
	BudgetRequest request;
	BudgetConstraints constraints;
	BudgetPlan plan;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	b.value = mmm_value_arg(fcinfo, 0);
	argument_not_null(fcinfo, ARG_EXTRA, "extra");
	budget_refuse_extra(PG_GETARG_JSONB_P(ARG_EXTRA));
	b.window = window_argument(fcinfo, &b.value->model);
	gather_channels(&b);
	request = budget_request_read(fcinfo, &b.curves, &constraints);
	choose_draws(fcinfo, &b);
	check_model_request(&b, &request);
	/* A response that is a target, or is all that is asked for, stays in KPI units; returns are in money. */
	b.unit = request.target == BUDGET_TARGET_RESPONSE ||
					 (request.objective == BUDGET_REVENUE && request.target == BUDGET_NO_TARGET)
				 ? 1
				 : b.value->kpi_value;
	if (b.tail_level > 0)
		plan = tail_plan(&b, &request, &constraints);
	else
	{
		make_curves(&b);
		plan = budget_plan_or_raise(&request, &b.curves, &constraints, FUNCTION);
	}
	put_plan(&sink, &b, &request, &constraints, &plan);
	return (Datum) 0;
}

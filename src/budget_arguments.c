/*
 * Response curves, constraints and what is wrong with them.
 */
#include "budget.h"

#include <math.h>

#include "access/htup_details.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#define BAD_VALUE ERRCODE_INVALID_PARAMETER_VALUE

/* Amounts beyond this are mistakes, and their powers would overflow. */
#define LARGEST_AMOUNT 1e30
#define SMALLEST_AMOUNT 1e-30
#define LARGEST_SLOPE 1000.0
#define SMALLEST_SLOPE 0.001
#define LARGEST_POWER 3.0

/* The attributes of response_curve, in its order. */
enum
{
	CURVE_CHANNEL,
	CURVE_SATURATION,
	CURVE_COEFFICIENT,
	CURVE_HALF_SATURATION,
	CURVE_SLOPE,
	CURVE_CURRENT_SPEND,
	CURVE_MIN_SPEND,
	CURVE_MAX_SPEND,
	CURVE_ATTRIBUTES,
};

static const char *const attribute_names[] = {"channel", "saturation",	  "coefficient", "half_saturation",
											  "slope",	 "current_spend", "min_spend",	 "max_spend"};

typedef struct CurveRow
{
	Datum values[CURVE_ATTRIBUTES];
	bool nulls[CURVE_ATTRIBUTES];
	char *name;
} CurveRow;

/* A number of the row within [low, high], `missing` for NULL; NaN as `missing` makes NULL an error. */
static double
curve_number(const CurveRow *row, int attribute, double low, double high, bool required, double missing)
{
	double value;

	if (row->nulls[attribute])
	{
		if (required)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s of channel \"%s\" must not be NULL", attribute_names[attribute], row->name),
					 errhint("Only the saturations linear and root do without half_saturation.")));
		return missing;
	}
	value = DatumGetFloat8(row->values[attribute]);
	if (!(value >= low && value <= high))
		ereport(ERROR, (errcode(BAD_VALUE),
						errmsg("%s of channel \"%s\" must be between %g and %g, not %g",
							   attribute_names[attribute], row->name, low, high, value),
						errhint("Every number of a curve is finite; only max_spend may be 'Infinity'.")));
	return value;
}

static SaturationKind
curve_saturation(const CurveRow *row)
{
	char *name = row->nulls[CURVE_SATURATION] ? "hill" : TextDatumGetCString(row->values[CURVE_SATURATION]);
	StringInfoData known;

	for (int i = 0; i < CURVE_KINDS; i++)
	{
		if (strcmp(name, saturation_name(curve_kinds[i])) == 0)
			return curve_kinds[i];
	}
	initStringInfo(&known);
	for (int i = 0; i < CURVE_KINDS; i++)
		appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", saturation_name(curve_kinds[i]));
	ereport(ERROR,
			(errcode(BAD_VALUE), errmsg("unrecognized saturation \"%s\" of channel \"%s\"", name, row->name),
			 errhint("Known saturations are %s.", known.data)));
	pg_unreachable();
}

static BudgetChannel
curve_channel(const CurveRow *row, SaturationKind kind)
{
	BudgetChannel c = {.curve = {.shape = {.kind = kind}, .weight = 1}};
	bool has_half = saturation_has_half(kind);
	bool has_slope = saturation_has_slope(kind);
	double max_spend;

	c.curve.coefficient = curve_number(row, CURVE_COEFFICIENT, 0, LARGEST_AMOUNT, true, 0);
	c.curve.shape.half_saturation = 1;
	if (has_half)
		c.curve.shape.half_saturation =
			curve_number(row, CURVE_HALF_SATURATION, SMALLEST_AMOUNT, LARGEST_AMOUNT, true, 0);
	c.curve.shape.slope = 1;
	if (has_slope)
		c.curve.shape.slope = curve_number(row, CURVE_SLOPE, SMALLEST_SLOPE,
										   kind == SATURATION_ROOT ? LARGEST_POWER : LARGEST_SLOPE, false, 1);
	c.current = curve_number(row, CURVE_CURRENT_SPEND, 0, LARGEST_AMOUNT, false, NAN);
	c.low = curve_number(row, CURVE_MIN_SPEND, 0, LARGEST_AMOUNT, false, 0);
	max_spend = row->nulls[CURVE_MAX_SPEND] ? INFINITY : DatumGetFloat8(row->values[CURVE_MAX_SPEND]);
	c.high = isinf(max_spend) && max_spend > 0
				 ? INFINITY
				 : curve_number(row, CURVE_MAX_SPEND, 0, LARGEST_AMOUNT, false, INFINITY);
	return c;
}

static CurveRow
curve_row(Datum datum, int position, TupleDesc desc)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(datum);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
	CurveRow row;

	heap_deform_tuple(&tuple, desc, row.values, row.nulls);
	if (row.nulls[CURVE_CHANNEL])
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("curve %d has no channel", position),
						errhint("Build curves with response_curve(channel, ...).")));
	row.name = TextDatumGetCString(row.values[CURVE_CHANNEL]);
	return row;
}

static int
channel_by_name(const BudgetCurves *curves, const char *name)
{
	for (int i = 0; i < curves->count; i++)
	{
		if (strcmp(curves->names[i], name) == 0)
			return i;
	}
	return -1;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void
refuse_duplicates(const BudgetCurves *curves)
{
	char **sorted = palloc(sizeof(char *) * Max(curves->count, 1));

	memcpy(sorted, curves->names, sizeof(char *) * curves->count);
	qsort(sorted, curves->count, sizeof(char *), compare_names);
	for (int i = 1; i < curves->count; i++)
	{
		if (strcmp(sorted[i - 1], sorted[i]) == 0)
			ereport(
				ERROR,
				(errcode(BAD_VALUE), errmsg("channel \"%s\" has more than one curve", sorted[i]),
				 errhint(
					 "Give each channel one curve; parts of a channel are channels of their own names.")));
	}
	pfree(sorted);
}

BudgetCurves
budget_curves_read(ArrayType *array)
{
	Oid type = ARR_ELEMTYPE(array);
	TupleDesc desc = lookup_rowtype_tupdesc_copy(type, -1);
	BudgetCurves curves;
	Datum *elements;
	bool *nulls;
	int16 length;
	bool by_value;
	char align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(array, type, length, by_value, align, &elements, &nulls, &curves.count);
	curves.names = palloc(sizeof(char *) * Max(curves.count, 1));
	curves.kinds = palloc(sizeof(SaturationKind) * Max(curves.count, 1));
	curves.channels = palloc(sizeof(BudgetChannel) * Max(curves.count, 1));
	for (int i = 0; i < curves.count; i++)
	{
		CurveRow row;

		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("curves must not contain NULL, but element %d is", i + 1),
							errhint("Remove it, for instance by array_agg(...) FILTER (WHERE ...).")));
		row = curve_row(elements[i], i + 1, desc);
		curves.names[i] = row.name;
		curves.kinds[i] = curve_saturation(&row);
		curves.channels[i] = curve_channel(&row, curves.kinds[i]);
	}
	refuse_duplicates(&curves);
	return curves;
}

void
budget_curves_prepare(BudgetCurves *curves, bool reach)
{
	for (int i = 0; i < curves->count; i++)
	{
		Curve *curve = &curves->channels[i].curve;

		if (reach && !curve_saturates(curves->kinds[i]))
			ereport(ERROR,
					(errcode(BAD_VALUE),
					 errmsg("objective reach needs curves with a limit, but that of channel \"%s\" is %s",
							curves->names[i], saturation_name(curves->kinds[i])),
					 errhint("A share of an audience saturates: hill, logistic, tanh or michaelis_menten.")));
		if (reach && curve->coefficient > 1)
			ereport(ERROR,
					(errcode(BAD_VALUE),
					 errmsg("objective reach needs coefficients up to 1, but that of channel \"%s\" is %g",
							curves->names[i], curve->coefficient),
					 errhint("The coefficient is the share of the audience that the channel can reach.")));
		curve->log_miss = reach;
		curve_prepare(curve);
	}
}

/* ------------------------------------------------------------------------------------------------------
 * Constraints
 * ------------------------------------------------------------------------------------------------------ */

typedef struct ConstraintReader
{
	const BudgetCurves *curves;
	char *name;
	bool *member;
	bool limited;
	double max_change; /* NAN if not given */
	BudgetGroup group;
} ConstraintReader;

static void
read_members(ConstraintReader *r, JsonbObjectIter *it)
{
	int count;
	char **names = jsonb_option_text_array(it, &count);

	for (int i = 0; i < count; i++)
	{
		int channel = channel_by_name(r->curves, names[i]);

		if (channel < 0)
			ereport(ERROR, (errcode(BAD_VALUE),
							errmsg("constraints name channel \"%s\", which has no curve", names[i]),
							errhint("Names are compared by bytes.")));
		if (r->member[channel])
			ereport(ERROR, (errcode(BAD_VALUE), errmsg("a constraint names channel \"%s\" twice", names[i]),
							errhint("The channels of a constraint are a set.")));
		r->member[channel] = true;
		r->group.count++;
	}
}

static void
read_constraint_key(ConstraintReader *r, JsonbObjectIter *it)
{
	if (strcmp(it->key, "name") == 0)
		r->name = jsonb_option_text(it);
	else if (strcmp(it->key, "channels") == 0)
		read_members(r, it);
	else if (strcmp(it->key, "min") == 0)
		r->group.low = fmax(r->group.low, jsonb_option_float8(it, 0, LARGEST_AMOUNT));
	else if (strcmp(it->key, "max") == 0)
		r->group.high = fmin(r->group.high, jsonb_option_float8(it, 0, LARGEST_AMOUNT));
	else if (strcmp(it->key, "equal") == 0)
	{
		double amount = jsonb_option_float8(it, 0, LARGEST_AMOUNT);

		r->group.low = fmax(r->group.low, amount);
		r->group.high = fmin(r->group.high, amount);
	}
	else if (strcmp(it->key, "max_change") == 0)
		r->max_change = jsonb_option_float8(it, 0, LARGEST_AMOUNT);
	else
		jsonb_option_unknown(it, "name, channels, min, max, equal, max_change");
	if (strcmp(it->key, "name") != 0 && strcmp(it->key, "channels") != 0)
		r->limited = true;
}

/* "tv + ooh", for a constraint without a name. */
static char *
joined_names(const ConstraintReader *r)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < r->curves->count; i++)
	{
		if (r->member[i])
			appendStringInfo(&text, "%s%s", text.len > 0 ? " + " : "", r->curves->names[i]);
	}
	return text.data;
}

static void
limit_change(ConstraintReader *r)
{
	double today = 0;

	for (int m = 0; m < r->group.count; m++)
	{
		int i = r->group.members[m];

		if (isnan(r->curves->channels[i].current))
			ereport(
				ERROR,
				(errcode(BAD_VALUE),
				 errmsg(
					 "constraint \"%s\" limits the change of channel \"%s\", whose current_spend is unknown",
					 r->name, r->curves->names[i])));
		today += r->curves->channels[i].current;
	}
	r->group.low = fmax(r->group.low, fmax(today * (1 - r->max_change), 0));
	r->group.high = fmin(r->group.high, today * (1 + r->max_change));
}

static void
finish_constraint(ConstraintReader *r, int position)
{
	if (r->group.count == 0)
		ereport(ERROR, (errcode(BAD_VALUE), errmsg("constraint %d names no channels", position),
						errhint("Write it as {\"channels\": [\"tv\"], \"min\": 1000}.")));
	if (!r->limited)
		ereport(ERROR, (errcode(BAD_VALUE), errmsg("constraint %d sets no limit", position),
						errhint("Give it min, max, equal or max_change.")));
	r->group.members = palloc(sizeof(int) * r->group.count);
	r->group.count = 0;
	for (int i = 0; i < r->curves->count; i++)
	{
		if (r->member[i])
			r->group.members[r->group.count++] = i;
	}
	if (r->name == NULL)
		r->name = joined_names(r);
	if (!isnan(r->max_change))
		limit_change(r);
	if (r->group.low > r->group.high)
		ereport(ERROR,
				(errcode(BAD_VALUE), errmsg("constraint \"%s\" asks for at least %g and at most %g at once",
											r->name, r->group.low, r->group.high)));
}

static void
read_constraint(BudgetConstraints *constraints, JsonbValue *value, const BudgetCurves *curves)
{
	ConstraintReader r = {.curves = curves, .max_change = NAN, .group = {.low = -INFINITY, .high = INFINITY}};
	JsonbObjectIter it;

	r.member = palloc0(Max(curves->count, 1));
	jsonb_object_begin_value(&it, value, "a constraint");
	while (jsonb_object_next(&it))
		read_constraint_key(&r, &it);
	finish_constraint(&r, constraints->count + 1);
	constraints->names[constraints->count] = r.name;
	constraints->groups[constraints->count++] = r.group;
	pfree(r.member);
}

BudgetConstraints
budget_constraints_read(Jsonb *jsonb, const BudgetCurves *curves)
{
	BudgetConstraints constraints = {0};
	JsonbIterator *iter = JsonbIteratorInit(&jsonb->root);
	JsonbValue value;

	if (!JB_ROOT_IS_ARRAY(jsonb) || JB_ROOT_IS_SCALAR(jsonb))
		ereport(ERROR, (errcode(BAD_VALUE), errmsg("constraints must be a JSON array of objects"),
						errhint("Write them as '[{\"channels\": [\"tv\"], \"min\": 1000}]'.")));
	constraints.names = palloc(sizeof(char *) * Max(JB_ROOT_COUNT(jsonb), 1));
	constraints.groups = palloc(sizeof(BudgetGroup) * Max(JB_ROOT_COUNT(jsonb), 1));
	(void) JsonbIteratorNext(&iter, &value, true); /* WJB_BEGIN_ARRAY */
	while (JsonbIteratorNext(&iter, &value, true) == WJB_ELEM)
		read_constraint(&constraints, &value, curves);
	return constraints;
}

/* ------------------------------------------------------------------------------------------------------
 * Troubles
 * ------------------------------------------------------------------------------------------------------ */

static char *
limit_name(int limit, int channel, const BudgetCurves *curves, const BudgetConstraints *constraints)
{
	if (limit == BUDGET_TOTAL)
		return pstrdup("total_budget");
	if (limit == BUDGET_MIN_SPEND)
		return psprintf("min_spend of channel \"%s\"", curves->names[channel]);
	return psprintf("constraint \"%s\"", constraints->names[limit]);
}

/* " together with ...", or nothing if the channels' own limits suffice for the conflict. */
static char *
other_limits(const BudgetTrouble *trouble, const BudgetConstraints *constraints)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int k = 0; trouble->others && k <= constraints->count; k++)
	{
		if (!trouble->others[k])
			continue;
		appendStringInfoString(&text, text.len > 0 ? ", " : " under ");
		if (k == constraints->count)
			appendStringInfoString(&text, "total_budget");
		else
			appendStringInfo(&text, "constraint \"%s\"", constraints->names[k]);
	}
	return text.data;
}

void
budget_raise(const BudgetTrouble *trouble, const BudgetRequest *request, const BudgetCurves *curves,
			 const BudgetConstraints *constraints)
{
	static const char *const targets[] = {"", "target_roas", "target_marginal_roas", "target_response"};
	const char *side = trouble->from_below ? "at least" : "at most";
	const char *target = targets[request->target];

	switch (trouble->kind)
	{
		case BUDGET_LIMITS_CONFLICT:
			ereport(ERROR, (errcode(BAD_VALUE),
							errmsg("%s asks for %s %.10g, but %s %.10g is possible%s",
								   limit_name(trouble->limit, trouble->channel, curves, constraints), side,
								   trouble->asked, trouble->from_below ? "at most" : "no less than",
								   trouble->nearest, other_limits(trouble, constraints)),
							errhint("The nearest feasible value is %.10g.", trouble->nearest)));
			break;
		case BUDGET_TARGET_MISSED:
			ereport(ERROR,
					(errcode(BAD_VALUE),
					 errmsg("%s of %.10g is out of reach: at most %.10g is possible within the other limits",
							target, trouble->asked, trouble->nearest),
					 errhint("The nearest feasible value is %.10g.", trouble->nearest)));
			break;
		case BUDGET_NO_LIMIT:
			ereport(ERROR,
					(errcode(BAD_VALUE),
					 errmsg("nothing limits the spend on channel \"%s\"", curves->names[trouble->channel]),
					 errhint("Give total_budget, the channel's max_spend, or another target.")));
			break;
		case BUDGET_VANISHING:
			ereport(
				ERROR,
				(errcode(BAD_VALUE),
				 errmsg("return on spend has no best plan: it grows as the spend on channel \"%s\" vanishes",
						curves->names[trouble->channel]),
				 errhint("Ask for spend => 'exactly', or give a min_spend or a constraint with min.")));
			break;
		case BUDGET_FINE:
			break;
	}
	elog(ERROR, "a budget without a plan and without a reason");
	pg_unreachable();
}

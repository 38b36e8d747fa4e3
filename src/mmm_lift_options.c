/*
 * The lift_tests argument of mmm_fit: [{"channel": "tv", "from": "2024-03-04", "to": "2024-03-25", "spend_change": 5000,
 * "lift": 9000, "standard_error": 1500}].
 */
#include "mmm_prior_options.h"

#include <float.h>
#include <math.h>

#include "jsonb_options.h"
#include "mmm_dataset.h"

#include "utils/builtins.h"
#include "utils/date.h"

#define MOST_TESTS 10000

static int
name_or_refuse(JsonbObjectIter *it, const char *const *names, int count, const char *what)
{
	char *name = jsonb_option_text(it);

	for (int i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("%s: \"%s\" is not one of the dataset's %s", it->what, name, what)));
	pg_unreachable();
}

/* The first period on or after a date; the number of periods where there is none. */
static int
period_from(JsonbObjectIter *it, const MmmModel *model)
{
	DateADT day = DatumGetDateADT(DirectFunctionCall1(date_in, CStringGetDatum(jsonb_option_text(it))));
	int t = 0;

	while (t < model->train && model->data->period[t] < day)
		t++;
	return t;
}

/* One beyond the last period that begins on or before a date. */
static int
period_to(JsonbObjectIter *it, const MmmModel *model)
{
	DateADT day = DatumGetDateADT(DirectFunctionCall1(date_in, CStringGetDatum(jsonb_option_text(it))));
	int t = 0;

	while (t < model->train && model->data->period[t] <= day)
		t++;
	return t;
}

static void
missing(const char *what, const char *key)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s: \"%s\" is missing", what, key),
					errhint("A test has channel, from, to, spend_change, lift and standard_error.")));
}

static void
check_test(const MmmLiftTest *test, double spend_change, const MmmModel *model, const char *what)
{
	if (test->channel < 0)
		missing(what, "channel");
	if (test->from < 0)
		missing(what, "from");
	if (test->until < 0)
		missing(what, "to");
	if (isnan(spend_change))
		missing(what, "spend_change");
	if (isnan(test->lift))
		missing(what, "lift");
	if (isnan(test->standard_error))
		missing(what, "standard_error");
	if (spend_change == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s: spend_change must not be 0", what),
				 errhint("A test compares with what would have been spent without it.")));
	if (test->from >= test->until || test->measured < test->until)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s: no period of the training lies between \"from\" and \"%s\"", what,
							   test->from >= test->until ? "to" : "measured_until"),
						errhint("The training runs from %s to %s.", mmm_date_text(model->data->period[0]),
								mmm_date_text(model->data->period[model->train - 1]))));
}

static void
set_change(MmmLiftTest *test, double spend_change, const MmmModel *model, const char *what)
{
	switch (mmm_lift_change(model, test, spend_change, attrib_env()))
	{
		case MMM_LIFT_FINE:
			return;
		case MMM_LIFT_BELOW_ZERO:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s: spend_change %g takes away more than was spent in these periods", what,
							spend_change),
					 errhint("spend_change is what the dataset's spend would have to change by, in total.")));
			break;
		case MMM_LIFT_NO_EXPOSURE:
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("%s: the channel never had spend and exposure in the training", what),
							errhint("What a change of spend buys cannot be told.")));
	}
}

static void
read_test(JsonbValue *object, int number, const MmmModel *model, MmmLiftTest *test)
{
	char *what = psprintf("lift_tests: test %d", number);
	double spend_change = NAN;
	JsonbObjectIter it;

	*test = (MmmLiftTest){.channel = -1,
						  .geo = -1,
						  .from = -1,
						  .until = -1,
						  .measured = -1,
						  .lift = NAN,
						  .standard_error = NAN};
	jsonb_object_begin_value(&it, object, what);
	while (jsonb_object_next(&it))
	{
		if (strcmp(it.key, "channel") == 0)
			test->channel = name_or_refuse(&it, model->data->channel_name, model->data->channels, "channels");
		else if (strcmp(it.key, "geo") == 0)
			test->geo = name_or_refuse(&it, model->data->geo_name,
									   model->data->has_geo ? model->data->geos : 0, "geos");
		else if (strcmp(it.key, "from") == 0)
			test->from = period_from(&it, model);
		else if (strcmp(it.key, "to") == 0)
			test->until = period_to(&it, model);
		else if (strcmp(it.key, "measured_until") == 0)
			test->measured = period_to(&it, model);
		else if (strcmp(it.key, "spend_change") == 0)
			spend_change = jsonb_option_float8(&it, -MMM_MAX_AMOUNT, MMM_MAX_AMOUNT);
		else if (strcmp(it.key, "lift") == 0)
			test->lift = jsonb_option_float8(&it, -MMM_MAX_AMOUNT, MMM_MAX_AMOUNT);
		else if (strcmp(it.key, "standard_error") == 0)
			test->standard_error = jsonb_option_float8(&it, 1e-100, MMM_MAX_AMOUNT);
		else
			jsonb_option_unknown(&it, "channel, geo, from, to, measured_until, spend_change, lift and "
									  "standard_error");
	}
	if (test->measured < 0)
		test->measured = test->until;
	check_test(test, spend_change, model, what);
	set_change(test, spend_change, model, what);
}

void
mmm_lift_tests_read(Jsonb *tests, const MmmModel *model, MmmBeliefs *beliefs)
{
	JsonbIterator *iter = JsonbIteratorInit(&tests->root);
	JsonbValue element;
	int count = JB_ROOT_COUNT(tests);

	if (count > MOST_TESTS)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("there are %d lift tests, more than %d", count, MOST_TESTS)));
	beliefs->lift = palloc(sizeof(MmmLiftTest) * Max(count, 1));
	beliefs->lifts = count;
	(void) JsonbIteratorNext(&iter, &element, true);
	for (int i = 0; i < count; i++)
	{
		(void) JsonbIteratorNext(&iter, &element, true);
		if (element.type != jbvBinary || !JsonContainerIsObject(element.val.binary.data))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("lift_tests: test %d must be an object, not %s", i + 1,
								   jsonb_value_text(&element))));
		read_test(&element, i + 1, model, &beliefs->lift[i]);
	}
}

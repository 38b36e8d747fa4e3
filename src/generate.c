/*
 * generate_events() and its two truths. All three rebuild the same generator from the same options.
 */
#include "attrib.h"

#include "core/generator.h"
#include "jsonb_options.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(attrib_generate_events);
PG_FUNCTION_INFO_V1(attrib_generate_events_truth);
PG_FUNCTION_INFO_V1(attrib_generate_events_probability);

/* The log's window starts on 2025-01-01 00:00 UTC, 25 years and 7 leap days after PostgreSQL's epoch. */
#define WINDOW_START (INT64CONST(9132) * USECS_PER_DAY)

#define OPTION_KEYS "regime, channels, days, baseline"

static const GeneratorRegime *
regime_option(JsonbObjectIter *it)
{
	char *name = jsonb_option_text(it);
	const GeneratorRegime *regime = generator_regime_by_name(name);
	StringInfoData known;

	if (regime)
		return regime;
	initStringInfo(&known);
	for (int i = 0; i < GENERATOR_REGIMES; i++)
		appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", generator_regimes[i].name);
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unrecognized regime \"%s\"", name),
					errhint("Known regimes are %s.", known.data)));
	pg_unreachable();
}

static Generator *
generator_arg(Jsonb *object)
{
	GeneratorOptions options = {&generator_regimes[0], .channels = 12, .days = 90, .baseline = -1};
	Generator *generator;
	JsonbObjectIter it;

	jsonb_object_begin(&it, object, "options");
	while (jsonb_object_next(&it))
	{
		if (strcmp(it.key, "regime") == 0)
			options.regime = regime_option(&it);
		else if (strcmp(it.key, "channels") == 0)
			options.channels = (int) jsonb_option_int64(&it, GENERATOR_MIN_CHANNELS, GENERATOR_MAX_CHANNELS);
		else if (strcmp(it.key, "days") == 0)
			options.days = (int) jsonb_option_int64(&it, GENERATOR_MIN_DAYS, GENERATOR_MAX_DAYS);
		else if (strcmp(it.key, "baseline") == 0)
			options.baseline = jsonb_option_float8(&it, 0, GENERATOR_MAX_BASELINE);
		else
			jsonb_option_unknown(&it, OPTION_KEYS);
	}
	attrib_check_status(generator_create(attrib_env(), &options, &generator), "generate_events");
	return generator;
}

static int64
users_arg(int64 users)
{
	if (users < 0 || users > GENERATOR_MAX_USERS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("users must be between 0 and " INT64_FORMAT ", not " INT64_FORMAT,
							   GENERATOR_MAX_USERS, users),
						errhint("Every user makes four or five rows.")));
	return users;
}

/* Channel names as text, made once: the same datum goes into every row. */
static Datum *
channel_datums(const Generator *generator)
{
	Datum *names = palloc(sizeof(Datum) * generator->channels);
	char buffer[GENERATOR_NAME_SIZE];

	for (int c = 0; c < generator->channels; c++)
		names[c] = CStringGetTextDatum(generator_channel_name(c, buffer));
	return names;
}

static void
put_event(const ReturnSetInfo *result, const GeneratorEvent *event, const Datum *names)
{
	bool converted = event->channel < 0;
	Datum values[5] = {Int64GetDatum(event->user_id), TimestampTzGetDatum(WINDOW_START + event->at),
					   converted ? (Datum) 0 : names[event->channel], BoolGetDatum(converted),
					   Float8GetDatum(event->cents / 100.0)};
	bool nulls[5] = {false, false, converted, false, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
attrib_generate_events(PG_FUNCTION_ARGS)
{
	const ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64 users = users_arg(PG_GETARG_INT64(0));
	uint64 seed = (uint64) PG_GETARG_INT64(1);
	Generator *generator = generator_arg(PG_GETARG_JSONB_P(2));
	Datum *names = channel_datums(generator);

	InitMaterializedSRF(fcinfo, 0);
	for (int64 first = 1; first <= users; first += GENERATOR_BLOCK_USERS)
	{
		int64 block = Min(GENERATOR_BLOCK_USERS, users - first + 1);
		GeneratorEvent *events;
		size_t count = generator_block(attrib_env(), generator, seed, first, block, &events);

		for (size_t i = 0; i < count; i++)
		{
			put_event(result, &events[i], names);
			CHECK_FOR_INTERRUPTS();
		}
		pfree(events);
	}
	return (Datum) 0;
}

Datum
attrib_generate_events_probability(PG_FUNCTION_ARGS)
{
	const ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64 users = users_arg(PG_GETARG_INT64(0));
	uint64 seed = (uint64) PG_GETARG_INT64(1);
	Generator *generator = generator_arg(PG_GETARG_JSONB_P(2));
	GeneratorEvent events[GENERATOR_MAX_EVENTS];

	InitMaterializedSRF(fcinfo, 0);
	for (int64 user = 1; user <= users; user++)
	{
		double probability;
		Datum values[2];
		bool nulls[2] = {false, false};

		generator_user(generator, seed, user, events, &probability);
		values[0] = Int64GetDatum(user);
		values[1] = Float8GetDatum(probability);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		CHECK_FOR_INTERRUPTS();
	}
	return (Datum) 0;
}

typedef struct TruthRow
{
	char name[GENERATOR_NAME_SIZE];
	double share;
} TruthRow;

static int
compare_truth_rows(const void *a, const void *b)
{
	return strcmp(((const TruthRow *) a)->name, ((const TruthRow *) b)->name);
}

Datum
attrib_generate_events_truth(PG_FUNCTION_ARGS)
{
	const ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Generator *generator = generator_arg(PG_GETARG_JSONB_P(0));
	double *share = palloc(sizeof(double) * generator->channels);
	TruthRow *rows = palloc(sizeof(TruthRow) * generator->channels);

	generator_truth(attrib_env(), generator, share);
	for (int c = 0; c < generator->channels; c++)
	{
		char buffer[GENERATOR_NAME_SIZE];

		strlcpy(rows[c].name, generator_channel_name(c, buffer), GENERATOR_NAME_SIZE);
		rows[c].share = share[c];
	}
	qsort(rows, generator->channels, sizeof(TruthRow), compare_truth_rows);

	InitMaterializedSRF(fcinfo, 0);
	for (int c = 0; c < generator->channels; c++)
	{
		Datum values[2] = {CStringGetTextDatum(rows[c].name), Float8GetDatum(rows[c].share)};
		bool nulls[2] = {false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

#include "core/rules.h"

#include "core/credit.h"
#include "paths.h"

static CreditTable
table_alloc(const SummaryView *view)
{
	return (CreditTable){calloc(view->nchannels + 1, sizeof(Credit)), {0, 0}};
}

static void
expect(const char *model, const CreditTable *table, const double *conversions)
{
	for (int c = 0; c < 4; c++)
	{
		char name[80];

		snprintf(name, sizeof(name), "worked example: %s of %c", model, 'A' + c);
		is_close(table->channel[c].conversions, conversions[c], 1e-12, name);
	}
}

static void
test_worked(void)
{
	PathsBuilder builder = worked_paths();
	const SummaryView *view = &builder.view;
	CreditTable table = table_alloc(view);
	const bool ignored[] = {true, false, false, false};

	rule_first_touch(view, NULL, unit_env(), &table);
	expect("first touch", &table, (double[]){9, 6, 2, 1});
	rule_last_touch(view, NULL, unit_env(), &table);
	expect("last touch", &table, (double[]){4, 9, 4, 1});
	rule_linear(view, unit_env(), &table);
	expect("linear", &table, (double[]){28.0 / 3, 25.0 / 4, 7.0 / 4, 2.0 / 3});
	is_close(table.channel[0].value, 0.5 * 90 + 20 + 75 + 60 / 4.0 + 4 + 100, 1e-12, "linear: value of A");
	rule_position_based(view, 0.4, 0.4, unit_env(), &table);
	expect("position based", &table, (double[]){227.0 / 30, 107.0 / 15, 2.5, 0.8});
	/* A is passed over but on its own: ABAC starts at B, DAD at D */
	rule_first_touch(view, ignored, unit_env(), &table);
	expect("first non-A", &table, (double[]){2, 13, 2, 1});
	rule_last_touch(view, ignored, unit_env(), &table);
	expect("last non-A", &table, (double[]){2, 11, 4, 1});
	free(table.channel);
	free_paths(&builder);
}

static void
test_short_paths(void)
{
	PathsBuilder builder = {0};
	CreditTable table;

	add_letters(&builder, "", 7, 0, 5);
	add_letters(&builder, "AB", 1, 0, 8);
	table = table_alloc(&builder.view);
	rule_position_based(&builder.view, 0.2, 0.6, unit_env(), &table);
	is_close(table.channel[0].conversions, 0.25, 1e-15, "two touches: ends renormalised");
	is_close(table.channel[1].value, 6, 1e-15, "two touches: value follows");
	ok(table.unattributed.conversions == 7 && table.unattributed.value == 5, "the empty path stays out");
	rule_position_based(&builder.view, 0, 0, unit_env(), &table);
	ok(table.channel[0].conversions == 0.5, "two touches without end weights: halves");
	rule_position_decay(&builder.view, 0.5, unit_env(), &table);
	is_close(table.channel[0].conversions, 1.0 / 3, 1e-15, "position decay of two touches");
	free(table.channel);
	free_paths(&builder);
}

/* Decayed credit comes with the summary; a path of one channel has none and that channel takes all. */
static void
test_time_decay(void)
{
	PathsBuilder builder = {0};
	DecayCredit decay[] = {{(fixed128) 3 << 58, fixed_from_double(30), 0},
						   {(fixed128) 5 << 58, fixed_from_double(50), 1}};
	CreditTable table;

	add_letters(&builder, "AA", 4, 0, 10);
	add_letters(&builder, "AB", 2, 1, 80);
	builder.paths[1].decay = decay;
	builder.paths[1].ndecay = 2;
	builder.view.has_decay = true;
	table = table_alloc(&builder.view);
	rule_time_decay(&builder.view, unit_env(), &table);
	ok(table.channel[0].conversions == 4.75 && table.channel[1].conversions == 1.25,
	   "time decay: conversions");
	ok(table.channel[0].value == 40 && table.channel[1].value == 50, "time decay: value");
	free(table.channel);
	free_paths(&builder);
}

/* Credit by definition: weights of each path's touches, added up one path after another. */
typedef void (*Weigher)(double *weight, size_t n);

static void
weigh_position(double *weight, size_t n)
{
	touch_weights_position_based(weight, n, 0.15, 0.55);
}

static void
weigh_decay(double *weight, size_t n)
{
	touch_weights_position_decay(weight, n, 0.7);
}

static double
disagreement(const SummaryView *view, const CreditTable *table, Weigher weigh)
{
	Credit *expected = calloc(view->nchannels + 1, sizeof(Credit));
	double worst = 0;

	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];
		double weight[64];

		if (path->ntouches == 0)
			continue;
		weigh(weight, path->ntouches);
		for (uint32_t j = 0; j < path->ntouches; j++)
		{
			expected[path->touches[j]].conversions += weight[j] * (double) path->conversions;
			expected[path->touches[j]].value += weight[j] * fixed_to_double(path->value);
		}
	}
	for (uint32_t c = 0; c < view->nchannels; c++)
	{
		worst = fmax(worst, fabs(expected[c].conversions - table->channel[c].conversions));
		worst = fmax(worst, fabs(expected[c].value - table->channel[c].value) / 1000);
	}
	free(expected);
	return worst;
}

static double
imbalance(const SummaryView *view, const CreditTable *table)
{
	CompensatedSum conversions = {table->unattributed.conversions, 0};
	CompensatedSum value = {table->unattributed.value, 0};
	double all = (double) view->conversions;
	double worth = fixed_to_double(view->value);

	for (uint32_t c = 0; c < view->nchannels; c++)
	{
		compensated_add(&conversions, table->channel[c].conversions);
		compensated_add(&value, table->channel[c].value);
	}
	return fmax(fabs(compensated_value(conversions) - all) / fmax(1, all),
				fabs(compensated_value(value) - worth) / fmax(1, worth));
}

static void
test_random_views(void)
{
	double wrong = 0;
	double lost = 0;

	for (int round = 0; round < 400; round++)
	{
		PathsBuilder builder = random_paths(1 + (uint32_t) test_random(round % 50 ? 12 : 2000), 30, 9);
		const SummaryView *view = &builder.view;
		CreditTable table = table_alloc(view);
		bool *ignored = calloc(view->nchannels + 1, sizeof(bool));

		for (uint32_t c = 0; c < view->nchannels; c++)
			ignored[c] = test_random(2);
		rule_linear(view, unit_env(), &table);
		wrong = fmax(wrong, disagreement(view, &table, touch_weights_linear));
		lost = fmax(lost, imbalance(view, &table));
		rule_position_based(view, 0.15, 0.55, unit_env(), &table);
		wrong = fmax(wrong, disagreement(view, &table, weigh_position));
		lost = fmax(lost, imbalance(view, &table));
		rule_position_decay(view, 0.7, unit_env(), &table);
		wrong = fmax(wrong, disagreement(view, &table, weigh_decay));
		lost = fmax(lost, imbalance(view, &table));
		rule_first_touch(view, ignored, unit_env(), &table);
		lost = fmax(lost, imbalance(view, &table));
		rule_last_touch(view, ignored, unit_env(), &table);
		lost = fmax(lost, imbalance(view, &table));
		free(ignored);
		free(table.channel);
		free_paths(&builder);
	}
	ok(wrong < 1e-11, "random views: every rule is its weights added up (off by %g)", wrong);
	ok(lost < 1e-13, "random views: credit is conserved (off by %g)", lost);
}

static void
test_extremes(void)
{
	enum
	{
		LONG = 20000
	};
	PathsBuilder builder = {0};
	uint32_t *touches = malloc(LONG * sizeof(uint32_t));
	const SummaryView *view = &builder.view;
	CreditTable table;

	for (uint32_t j = 0; j < LONG; j++)
		touches[j] = (j * 7919) % 70000;
	add_path(&builder, touches, LONG, INT64_MAX / 2, 0, 1e15);
	add_path(&builder, (uint32_t[]){69999}, 1, INT64_MAX / 2, 0, 0.01);
	table = table_alloc(view);
	rule_linear(view, unit_env(), &table);
	ok(imbalance(view, &table) < 1e-13, "linear: 2^63 conversions, 20 000 touches, 70 000 channels");
	rule_position_based(view, 1e-15, 0, unit_env(), &table);
	ok(imbalance(view, &table) < 1e-13, "position based: the same");
	is_close(table.channel[0].conversions, 1e-15 * 4611686018427387903.0, 1e-15,
			 "a weight of 1e-15 keeps its digits");
	rule_position_decay(view, 0.001, unit_env(), &table);
	ok(imbalance(view, &table) < 1e-13, "position decay: powers that underflow");
	rule_position_decay(view, 1, unit_env(), &table);
	ok(imbalance(view, &table) < 1e-13, "position decay: ratio 1");
	is_close(table.channel[0].conversions, 4611686018427387903.0 / LONG, 1e-13, "ratio 1 is linear");
	free(table.channel);
	free(touches);
	free_paths(&builder);
}

static bool
sums_to_one(const double *weight, size_t n)
{
	double sum = 0;

	for (size_t j = 0; j < n; j++)
	{
		if (!(weight[j] >= 0 && weight[j] <= 1))
			return false;
		sum += weight[j];
	}
	return sum == 1;
}

static double
furthest(const double *weight, size_t n, double expected)
{
	double worst = 0;

	for (size_t j = 0; j < n; j++)
		worst = fmax(worst, fabs(weight[j] - expected));
	return worst;
}

static void
test_weights(void)
{
	static double weight[20000];
	bool exact = true;
	double far = 0;

	for (size_t n = 1; n <= 20000; n += n < 400 ? 1 : 1 + test_random(150))
	{
		double first = (double) test_random(1001) / 1000;
		double last = test_random(4) ? (1 - first) * (double) test_random(1001) / 1000 : 0;

		touch_weights_linear(weight, n);
		exact = exact && sums_to_one(weight, n);
		far = fmax(far, furthest(weight, n, 1 / (double) n));
		touch_weights_position_based(weight, n, first, last);
		exact = exact && sums_to_one(weight, n);
		touch_weights_position_based(weight, n, 0.9, 0.1);
		exact = exact && sums_to_one(weight, n);
		touch_weights_position_decay(weight, n, 1 - first / 2);
		exact = exact && sums_to_one(weight, n);
		touch_weights_position_decay(weight, n, pow(10, -(double) test_random(320)));
		exact = exact && sums_to_one(weight, n);
		for (size_t j = 0; j < n; j++)
			weight[j] = test_random(3) ? pow(10, (double) test_random(600) - 300) : 0;
		touch_weights_normalize(weight, n);
		exact = exact && sums_to_one(weight, n);
		for (size_t j = 0; j < n; j++)
			weight[j] = (double) test_random(1000);
		touch_weights_normalize(weight, n);
		exact = exact && sums_to_one(weight, n);
	}
	ok(exact, "weights of 1 to 20 000 touches add to exactly 1, none negative");
	ok(far < 2e-15, "equal weights stay equal (off by %g)", far);
	touch_weights_linear(weight, 5);
	ok(weight[0] == 0.2 && weight[2] == 0.2 && weight[4] == 0.2, "a fifth is written 0.2");
	weight[0] = weight[1] = weight[2] = 0;
	touch_weights_normalize(weight, 3);
	ok(sums_to_one(weight, 3) && weight[0] == 1.0 / 3, "nothing to go by: equal weights");
	touch_weights_position_based(weight, 4, 1, 0);
	ok(weight[0] == 1 && weight[3] == 0, "all to the first");
	touch_weights_position_based(weight, 50, 0.4, 0);
	ok(weight[49] == 0, "a last weight of 0 stays 0");
	weight[0] = weight[1] = 1.7e308;
	touch_weights_normalize(weight, 2);
	ok(weight[0] == 0.5 && weight[1] == 0.5, "amounts whose sum overflows");
}

/* 1 - s, added to s, gives 1 for every float8 s in [0, 1]. */
static void
test_complement(void)
{
	bool exact = true;

	for (int i = 0; i < 2000000; i++)
	{
		double s = ldexp((double) test_random(UINT64_C(1) << 53), -53 - (int) test_random(60));

		exact = exact && s + (1 - s) == 1;
	}
	ok(exact, "s + (1 - s) = 1 in float8");
}

int
main(void)
{
	test_worked();
	test_short_paths();
	test_time_decay();
	test_random_views();
	test_extremes();
	test_weights();
	test_complement();
	return done();
}

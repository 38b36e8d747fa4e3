#include "core/accuracy.h"
#include "core/logistic.h"
#include "core/path_chain.h"
#include "paths.h"

static double
chain_chance(const PathsBuilder *builder, int order, const char *letters)
{
	uint32_t touches[64];
	uint32_t n = (uint32_t) strlen(letters);
	PathChain chain;
	double chance;

	for (uint32_t j = 0; j < n; j++)
		touches[j] = letters[j] == '?' ? PATH_CHAIN_UNKNOWN : (uint32_t) (letters[j] - 'A');
	path_chain_init(&chain, order, builder->view.nchannels, unit_env());
	ok(path_chain_learn(&chain, &builder->view) == CORE_OK, "learning at order %d", order);
	chance = path_chain_probability(&chain, touches, n);
	path_chain_free(&chain);
	return chance;
}

static void
test_chain(void)
{
	PathsBuilder builder = {0};
	PathsBuilder little = {0};

	add_letters(&builder, "A", 300000, 700000, 0);
	add_letters(&builder, "AB", 200000, 200000, 0);
	add_letters(&builder, "BB", 100000, 900000, 0);
	is_close(chain_chance(&builder, 1, "A"), 0.3, 1e-3, "many journeys: a path's own rate");
	is_close(chain_chance(&builder, 3, "AB"), 0.5, 1e-3, "the same of a longer path and order");
	is_close(chain_chance(&builder, 3, "BB"), 0.1, 1e-3, "and of a path with repeats");
	is_close(chain_chance(&builder, 1, ""), 600000.5 / 2400001, 1e-12, "the empty path has the overall rate");
	ok(chain_chance(&builder, 2, "?A") > 0 && chain_chance(&builder, 2, "?A") < 1, "an unknown channel");
	unripen(&builder, 100000);
	ok(chain_chance(&builder, 2, "BB") < 0.01, "immature conversions do not count");
	is_close(chain_chance(&little, 2, ""), 0.5, 0, "nothing learned is even odds");
	/*
	 * One journey of each outcome, one channel, order 1, by hand: the prior of either symbol is
	 * (2 + 2/2)/(4 + 2) = 1/2, every count 1 of 2 or 1 of 1 in both classes, so nothing tells them apart.
	 */
	add_letters(&little, "A", 1, 1, 0);
	is_close(chain_chance(&little, 1, "A"), 0.5, 1e-15, "equal evidence is even odds");
	free_paths(&builder);
	free_paths(&little);
}

/* scipy.optimize.minimize (BFGS) of the same penalised likelihood, SciPy 1.17.1. */
static void
test_logistic(void)
{
	static const double expected[] = {0.1953537295696443, 0.40584159914538986,	0.1651957585265963,
									  0.4863145873185424, 0.058179161762603834, 0.3741228239998008};
	PathsBuilder builder = {0};
	const SummaryView *views[1] = {&builder.view};
	Logistic model;

	add_letters(&builder, "A", 20, 80, 0);
	add_letters(&builder, "AB", 40, 60, 0);
	add_letters(&builder, "BB", 10, 50, 0);
	add_letters(&builder, "ABC", 30, 30, 0);
	add_letters(&builder, "C", 5, 95, 0);
	add_letters(&builder, "CCCA", 12, 20, 0);
	ok(logistic_fit(&model, views, 1, 3, 1, unit_env()) == CORE_OK, "the regression fits");
	for (size_t i = 0; i < builder.view.npaths; i++)
		is_close(logistic_probability(&model, builder.paths[i].touches, builder.paths[i].ntouches),
				 expected[i], 1e-6, "logistic regression");
	logistic_free(&model);
	free_paths(&builder);
}

/* More channels than features, no conversions at all, nothing at all. */
static void
test_logistic_limits(void)
{
	PathsBuilder wide = random_paths(400, 500, 8);
	PathsBuilder lost = {0};
	PathsBuilder empty = {0};
	const SummaryView *views[1] = {&wide.view};
	Logistic model;
	uint32_t touches[2] = {0, 399};

	ok(logistic_fit(&model, views, 1, 400, 1, unit_env()) == CORE_OK, "400 channels fit");
	ok(isfinite(logistic_probability(&model, touches, 2)), "and predict");
	logistic_free(&model);
	add_letters(&lost, "AB", 0, 10, 0);
	views[0] = &lost.view;
	ok(logistic_fit(&model, views, 1, 2, 1, unit_env()) == CORE_OK, "no conversions fit");
	ok(logistic_probability(&model, touches, 1) < 0.1, "and predict none");
	logistic_free(&model);
	views[0] = &empty.view;
	ok(logistic_fit(&model, views, 1, 2, 1, unit_env()) == CORE_OK, "no journeys fit");
	is_close(logistic_probability(&model, touches, 1), 0.5, 1e-9, "and know nothing");
	logistic_free(&model);
	free_paths(&wide);
	free_paths(&lost);
}

/* AUC by scipy.stats.mannwhitneyu, the rest by NumPy. */
static void
test_accuracy(void)
{
	Prediction predictions[] = {{.1, 1, 5}, {.2, 2, 3}, {.2, 0, 1}, {.7, 4, 2}, {.9, 3, 0}, {.7, 1, 1}};
	Prediction one[] = {{.3, 0, 4}};
	Accuracy accuracy;
	int64_t journeys = 0;

	accuracy_of(predictions, 6, unit_env(), &accuracy);
	is_close(accuracy.auc, 0.7954545454545454, 1e-14, "AUC");
	is_close(accuracy.log_loss, 0.5500961904805726, 1e-14, "log loss");
	is_close(accuracy.brier, 0.18478260869565216, 1e-14, "Brier score");
	is_close(accuracy.accuracy, 0.7391304347826086, 1e-14, "accuracy");
	is_close(accuracy.majority, 12.0 / 23, 1e-14, "majority rate");
	for (int i = 0; i < accuracy.nbins; i++)
		journeys += accuracy.bin[i].journeys;
	ok(journeys == 23 && accuracy.nbins == 4, "calibration keeps equal predictions together");
	is_close(accuracy.bin[1].predicted, 0.2, 1e-14, "calibration, predicted");
	is_close(accuracy.bin[1].observed, 2.0 / 6, 1e-14, "calibration, observed");
	accuracy_of(one, 1, unit_env(), &accuracy);
	ok(isnan(accuracy.auc) && accuracy.accuracy == 1, "one outcome has no AUC");
	accuracy_of(one, 0, unit_env(), &accuracy);
	ok(accuracy.journeys == 0 && isnan(accuracy.brier), "no predictions");
}

int
main(void)
{
	test_chain();
	test_logistic();
	test_logistic_limits();
	test_accuracy();
	return done();
}

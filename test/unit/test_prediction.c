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
	path_chain_fit(&chain);
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
	/* One journey of each outcome: nothing tells them apart. */
	add_letters(&little, "A", 1, 1, 0);
	is_close(chain_chance(&little, 1, "A"), 0.5, 1e-15, "equal evidence is even odds");
	free_paths(&builder);
	free_paths(&little);
}

/*
 * A prior by hand, order 1. Five grams of one symbol: the start (100 and 100), A (80 and 20), B (20 and 80), the
 * end (100 and 100), and about the empty one (200 and 200 steps) the squared errors beyond noise are
 * 2 (30^2 4 - 100) + 2 (0 - 200) = 6600 of 2 (100 99) + 2 (200 199), so w = 99400/6600 - 1.
 */
static void
test_chain_prior(void)
{
	PathsBuilder builder = {0};
	double w = 99400.0 / 6600 - 1;
	double a;
	double b;
	PathChain chain;
	double chance[1];
	uint32_t touches[2] = {0, 1};

	add_letters(&builder, "A", 80, 20, 0);
	add_letters(&builder, "B", 20, 80, 0);
	path_chain_init(&chain, 1, 2, unit_env());
	ok(path_chain_learn(&chain, &builder.view) == CORE_OK, "learning");
	path_chain_fit(&chain);
	a = log((80 + w / 2) / (20 + w / 2));
	is_close(chain.gram[key_index_find(&chain.grams, 0)].odds, a, 1e-12, "odds of A, shrunk");
	is_close(chain.gram[key_index_find(&chain.grams, 1)].odds, -a, 1e-12, "odds of B, shrunk");
	/* of two symbols the parts already say nearly all there is, so that the prior is the last word: w = 1e9 */
	b = log((80 + 1e9 / (1 + exp(-a))) / (20 + 1e9 / (1 + exp(a))));
	path_chain_probabilities(&chain, touches, 1, chance);
	is_close(log(chance[0] / (1 - chance[0])), 2 * b - a, 1e-9, "the path's odds");
	/* A to B was never seen: its parts' odds add up, 0 in all */
	path_chain_probabilities(&chain, touches, 2, chance);
	is_close(chance[0], 0.5, 1e-9, "an unseen step");
	path_chain_free(&chain);
	free_paths(&builder);
}

/* What only chance tells apart must not be learned, however long the grams: the chains agree on one rate. */
static void
test_chain_noise(void)
{
	PathsBuilder builder = {0};
	PathChain chain;
	double chance[6];
	uint32_t touches[4] = {0, 1, 1, 0};

	for (int i = 0; i < 256; i++)
	{
		char letters[5] = {(char) ('A' + i % 4), (char) ('A' + i / 4 % 4), (char) ('A' + i / 16 % 4),
						   (char) ('A' + i / 64), '\0'};

		add_letters(&builder, letters, (i * 37) % 256 < 26 ? 1 : 0, (i * 37) % 256 < 26 ? 0 : 1, 0);
	}
	path_chain_init(&chain, 6, 4, unit_env());
	ok(path_chain_learn(&chain, &builder.view) == CORE_OK, "learning noise");
	path_chain_fit(&chain);
	path_chain_probabilities(&chain, touches, 4, chance);
	for (int k = 0; k < 6; k++)
		ok(chance[k] > 0.07 && chance[k] < 0.14, "order %d makes nothing of noise: %.4f", k + 1, chance[k]);
	path_chain_free(&chain);
	free_paths(&builder);
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

/*
 * roc_auc_score, log_loss and brier_score_loss of sklearn.metrics, scikit-learn 1.9.1 (AUC also by
 * scipy.stats.mannwhitneyu, SciPy 1.17.1); calibration by NumPy.
 */
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
	test_chain_prior();
	test_chain_noise();
	test_logistic();
	test_logistic_limits();
	test_accuracy();
	return done();
}

#include "accuracy.h"

#include <math.h>

#include "credit.h"
#include "progress.h"

/* Ascending by chance; heap sort, as the order of equal chances does not matter. */
static void
sort_predictions(Prediction *predictions, size_t n, const CoreEnv *env)
{
	Progress progress = {env, 0};

	for (size_t heap = n, next = n / 2; heap > 1;)
	{
		size_t parent;
		Prediction moved;

		if (next > 0)
			parent = --next;
		else
		{
			Prediction last = predictions[--heap];

			predictions[heap] = predictions[0];
			predictions[0] = last;
			parent = 0;
		}
		moved = predictions[parent];
		for (size_t child; (child = 2 * parent + 1) < heap; parent = child)
		{
			if (child + 1 < heap && predictions[child].chance < predictions[child + 1].chance)
				child++;
			if (moved.chance >= predictions[child].chance)
				break;
			predictions[parent] = predictions[child];
		}
		predictions[parent] = moved;
		progress_made(&progress, 64);
	}
}

/* The Mann-Whitney statistic of sorted predictions. */
static double
area_under_curve(const Prediction *predictions, size_t n)
{
	CompensatedSum wins = {0, 0};
	double lost = 0;
	double converted = 0;

	for (size_t i = 0; i < n;)
	{
		double tied_lost = 0;
		double tied_converted = 0;
		size_t end = i;

		for (; end < n && predictions[end].chance == predictions[i].chance; end++)
		{
			tied_lost += (double) predictions[end].lost;
			tied_converted += (double) predictions[end].converted;
		}
		compensated_add(&wins, tied_converted * (lost + tied_lost / 2));
		lost += tied_lost;
		converted += tied_converted;
		i = end;
	}
	return lost > 0 && converted > 0 ? compensated_value(wins) / lost / converted : NAN;
}

static void
calibrate(const Prediction *predictions, size_t n, Accuracy *result)
{
	CalibrationBin *bin = NULL;
	int64_t before = 0;
	double predicted = 0;
	int64_t converted = 0;

	for (size_t i = 0; i < n; i++)
	{
		int64_t journeys = predictions[i].converted + predictions[i].lost;
		double share = (double) before / (double) result->journeys;
		int number = (int) (share * CALIBRATION_BINS);

		if (journeys == 0)
			continue;
		/* equal predictions stay together */
		if (bin == NULL || (number >= result->nbins && predictions[i].chance > bin->high))
		{
			bin = &result->bin[result->nbins < CALIBRATION_BINS ? result->nbins++ : CALIBRATION_BINS - 1];
			*bin = (CalibrationBin){.low = predictions[i].chance};
			predicted = 0;
			converted = 0;
		}
		before += journeys;
		bin->journeys += journeys;
		bin->high = predictions[i].chance;
		predicted += predictions[i].chance * (double) journeys;
		converted += predictions[i].converted;
		bin->predicted = predicted / (double) bin->journeys;
		bin->observed = (double) converted / (double) bin->journeys;
	}
}

#define SURE 1e-15

void
accuracy_of(Prediction *predictions, size_t n, const CoreEnv *env, Accuracy *result)
{
	CompensatedSum log_loss = {0, 0};
	CompensatedSum squares = {0, 0};
	double right = 0;
	double lost = 0;

	*result = (Accuracy){.journeys = 0};
	sort_predictions(predictions, n, env);
	for (size_t i = 0; i < n; i++)
	{
		const Prediction *p = &predictions[i];
		double chance = fmin(1 - SURE, fmax(SURE, p->chance));

		result->journeys += p->converted + p->lost;
		result->converted += p->converted;
		lost += (double) p->lost;
		right += (double) (p->chance > 0.5 ? p->converted : p->lost);
		compensated_add(&log_loss, -(double) p->converted * log(chance) - (double) p->lost * log1p(-chance));
		compensated_add(&squares, (double) p->converted * (1 - p->chance) * (1 - p->chance) +
									  (double) p->lost * p->chance * p->chance);
	}
	if (result->journeys == 0)
	{
		result->auc = result->accuracy = result->majority = result->log_loss = result->brier = NAN;
		return;
	}
	result->auc = area_under_curve(predictions, n);
	result->accuracy = right / (double) result->journeys;
	result->majority = fmax((double) result->converted, lost) / (double) result->journeys;
	result->log_loss = compensated_value(log_loss) / (double) result->journeys;
	result->brier = compensated_value(squares) / (double) result->journeys;
	calibrate(predictions, n, result);
}

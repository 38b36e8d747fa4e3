#include "mmm_health.h"

#include <math.h>
#include <string.h>

#include <gsl/gsl_eigen.h>

#include "nnls.h"

/* Sums from which the errors follow. */
typedef struct ErrorSums
{
	double absolute;
	double squares;
	double relative;
	size_t nonzero;
	double kpi;
	double kpi_squares;
	double kpi_absolute;
	double low;
	double high;
	double steps; /* squared differences of successive residuals */
} ErrorSums;

MmmErrors
mmm_errors(const MmmModel *model, const double *predicted, int from, int to)
{
	const MmmData *data = model->data;
	ErrorSums s = {.low = INFINITY, .high = -INFINITY};
	MmmErrors e = {0};
	double variation;

	for (int g = 0; g < data->geos; g++)
	{
		double before = NAN;

		for (int t = from; t < to; t++)
		{
			double kpi = data->kpi[(size_t) g * data->periods + t];
			double error = kpi - predicted[(size_t) g * data->periods + t];

			if (isnan(kpi))
				continue;
			e.n++;
			s.absolute += fabs(error);
			s.squares += error * error;
			s.relative += kpi != 0 ? fabs(error / kpi) : 0;
			s.nonzero += kpi != 0;
			s.kpi += kpi;
			s.kpi_absolute += fabs(kpi);
			s.low = fmin(s.low, kpi);
			s.high = fmax(s.high, kpi);
			if (!isnan(before))
				s.steps += (error - before) * (error - before);
			before = error;
		}
	}
	for (int g = 0; g < data->geos; g++)
		for (int t = from; t < to; t++)
		{
			double difference = data->kpi[(size_t) g * data->periods + t] - s.kpi / (double) e.n;

			s.kpi_squares += isnan(difference) ? 0 : difference * difference;
		}
	variation = s.high - s.low;
	e.rmse = sqrt(s.squares / (double) e.n);
	e.mae = s.absolute / (double) e.n;
	e.r2 = s.kpi_squares > 0 ? 1 - s.squares / s.kpi_squares : NAN;
	e.nrmse = variation > 0 ? e.rmse / variation : NAN;
	e.mape = s.nonzero > 0 ? s.relative / (double) s.nonzero : NAN;
	e.wmape = s.kpi_absolute > 0 ? s.absolute / s.kpi_absolute : NAN;
	e.durbin_watson = s.squares > 0 ? s.steps / s.squares : NAN;
	return e;
}

/* Media then base columns over the training's rows; returns how many. */
static double *
design_columns(const MmmModel *model, const double *parameters, size_t *rows, int *columns,
			   const CoreEnv *env)
{
	const MmmData *data = model->data;
	int n = model->train;
	double *x = CORE_ALLOC(env, double, data->periods);
	double *all;

	*rows = (size_t) data->geos * n;
	*columns = model->media + model->base;
	all = CORE_ALLOC(env, double, *rows *(size_t) *columns);
	for (int g = 0; g < data->geos; g++)
	{
		size_t at = (size_t) g * n;

		core_check(env);
		for (int c = 0; c < data->channels; c++)
		{
			mmm_scaled_exposure(model, data, g, c, x);
			mmm_transform(model, parameters + c * model->per_channel, x, n, all + c * *rows + at, NULL, env);
		}
		for (int i = 0; i < model->spec.interactions; i++)
			for (int t = 0; t < n; t++)
				all[(data->channels + i) * *rows + at + t] =
					all[model->spec.interaction[i][0] * *rows + at + t] *
					all[model->spec.interaction[i][1] * *rows + at + t];
		for (int j = 0; j < model->base; j++)
			for (int t = 0; t < n; t++)
				all[(model->media + j) * *rows + at + t] = mmm_base_column(model, data, j, g, t, t);
	}
	core_free(env, x);
	return all;
}

/* Inner products of columns at unit length; columns of nothing drop out. Returns how many are left. */
static int
unit_gram(const double *all, size_t rows, int columns, double *gram, int *kept)
{
	double *length = gram + (size_t) columns * columns;
	int n = 0;

	for (int j = 0; j < columns; j++)
	{
		double sum = 0;

		for (size_t i = 0; i < rows; i++)
			sum += all[j * rows + i] * all[j * rows + i];
		if (sum > 1e-20 * (double) rows)
		{
			length[n] = sqrt(sum);
			kept[n++] = j;
		}
	}
	for (int a = 0; a < n; a++)
		for (int b = 0; b <= a; b++)
		{
			double sum = 0;

			for (size_t i = 0; i < rows; i++)
				sum += all[kept[a] * rows + i] * all[kept[b] * rows + i];
			gram[a * columns + b] = gram[b * columns + a] = sum / length[a] / length[b];
		}
	return n;
}

static double
column_variation(const double *column, size_t rows)
{
	double mean = 0;
	double squares = 0;

	for (size_t i = 0; i < rows; i++)
		mean += column[i] / (double) rows;
	for (size_t i = 0; i < rows; i++)
		squares += (column[i] - mean) * (column[i] - mean);
	return squares;
}

/*
 * What of a column at unit length the others leave over, from the last pivot of the factor of all with it at the
 * end; 0 where it depends on them.
 */
static double
left_over(const double *gram, int columns, int n, int which, double *work)
{
	double pivot;

	for (int i = 0; i < n; i++)
	{
		int a = i == n - 1 ? which : i + (i >= which);

		for (int j = 0; j <= i; j++)
		{
			int b = j == n - 1 ? which : j + (j >= which);

			work[i * n + j] = gram[a * columns + b];
		}
		/* the others may depend on each other without harm to this one */
		if (i < n - 1)
			work[i * n + i] += 1e-12;
	}
	if (!cholesky(n, n, work))
		return 0;
	pivot = work[(n - 1) * n + n - 1];
	return pivot * pivot;
}

/* Ratio of the greatest to the least singular value. The matrix is destroyed. */
static double
condition_number(double *gram, int columns, int n, double *values)
{
	gsl_matrix_view matrix = gsl_matrix_view_array_with_tda(gram, n, n, columns);
	gsl_vector_view vector = gsl_vector_view_array(values, n);
	gsl_eigen_symm_workspace *workspace = gsl_eigen_symm_alloc(n);
	double low = INFINITY;
	double high = 0;
	int status;

	if (!workspace)
		return NAN;
	status = gsl_eigen_symm(&matrix.matrix, &vector.vector, workspace);
	gsl_eigen_symm_free(workspace);
	if (status != 0)
		return NAN;
	for (int i = 0; i < n; i++)
	{
		low = fmin(low, values[i]);
		high = fmax(high, values[i]);
	}
	return low > 1e-15 * high ? sqrt(high / low) : INFINITY;
}

CoreStatus
mmm_collinearity(const MmmModel *model, const double *parameters, double *vif, double *condition,
				 const CoreEnv *env)
{
	size_t rows;
	int columns, n;
	double *all = design_columns(model, parameters, &rows, &columns, env);
	double *gram = CORE_ALLOC(env, double, (size_t) columns *(columns + 1));
	double *work = CORE_ALLOC(env, double, (size_t) columns *columns);
	int *kept = CORE_ALLOC(env, int, columns);

	for (int c = 0; c < model->data->channels; c++)
		vif[c] = NAN;
	n = unit_gram(all, rows, columns, gram, kept);
	for (int a = 0; a < n && kept[a] < model->data->channels; a++)
	{
		const double *column = all + kept[a] * rows;
		double variation = column_variation(column, rows);
		double rest = left_over(gram, columns, n, a, work);
		double square = 0;

		core_check(env);
		for (size_t i = 0; i < rows; i++)
			square += column[i] * column[i];
		/* against its variation about the mean, as the definition has it */
		if (variation > 1e-12 * square)
			vif[kept[a]] =
				rest * square > 1e-10 * variation ? fmax(1, variation / (rest * square)) : INFINITY;
	}
	*condition = n > 0 ? condition_number(gram, columns, n, work) : NAN;
	core_free(env, all);
	core_free(env, gram);
	core_free(env, work);
	core_free(env, kept);
	return CORE_OK;
}

double
mmm_negative_baseline(const MmmModel *model, const double *parameters, const CoreEnv *env)
{
	const MmmData *data = model->data;
	int n = data->periods;
	double *parts = CORE_ALLOC(env, double, (size_t) n *mmm_components(model));
	size_t negative = 0;

	for (int g = 0; g < data->geos; g++)
	{
		mmm_contributions_of_geo(model, parameters, data, 0, g, parts, env);
		for (int t = 0; t < model->train; t++)
		{
			double baseline = 0;

			for (int k = data->channels; k < MMM_INTERACTION(model, 0); k++)
				baseline += parts[k * n + t];
			negative += baseline < 0;
		}
	}
	core_free(env, parts);
	return (double) negative / ((double) data->geos * model->train);
}

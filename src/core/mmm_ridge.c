#include "mmm_ridge.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "nnls.h"

static double
dot(const double *a, const double *b, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

static void
collect_observations(MmmRidge *r)
{
	const MmmData *data = r->model->data;

	r->n = 0;
	r->place = CORE_ALLOC(r->env, size_t, (size_t) data->geos * r->periods);
	r->y = CORE_ALLOC(r->env, double, (size_t) data->geos * r->periods);
	for (int g = 0; g < data->geos; g++)
		for (int t = 0; t < r->periods; t++)
		{
			double kpi = data->kpi[(size_t) g * data->periods + t];

			if (isnan(kpi))
				continue;
			r->y[r->n] = kpi / mmm_kpi_unit(r->model, g);
			r->place[r->n++] = (size_t) g * r->periods + t;
		}
}

static void
scale_exposure(MmmRidge *r)
{
	const MmmData *data = r->model->data;
	size_t rows = (size_t) data->geos * r->periods;
	double *whole = CORE_ALLOC(r->env, double, data->periods);

	r->x = CORE_ALLOC(r->env, double, rows * data->channels);
	for (int c = 0; c < data->channels; c++)
		for (int g = 0; g < data->geos; g++)
		{
			mmm_scaled_exposure(r->model, data, g, c, whole);
			memcpy(r->x + c * rows + (size_t) g * r->periods, whole, sizeof(double) * r->periods);
		}
	core_free(r->env, whole);
}

/* Q of the penalised base: X_B L^-T, with L L' = X_B' X_B + penalties. */
static CoreStatus
factor_base(MmmRidge *r)
{
	const MmmModel *m = r->model;
	int p = m->base;
	int free_columns = m->data->geos + m->trend_columns;

	r->Q = CORE_ALLOC(r->env, double, r->n *p);
	r->factor = CORE_ALLOC(r->env, double, (size_t) p *p);
	r->Qy = CORE_ALLOC(r->env, double, p);
	for (int j = 0; j < p; j++)
		for (size_t i = 0; i < r->n; i++)
		{
			int geo = (int) (r->place[i] / r->periods);
			int t = (int) (r->place[i] % r->periods);

			r->Q[j * r->n + i] = mmm_base_column(m, m->data, j, geo, t, t);
		}
	for (int j = 0; j < p; j++)
	{
		core_check(r->env);
		for (int k = 0; k <= j; k++)
			r->factor[j * p + k] = dot(r->Q + j * r->n, r->Q + k * r->n, r->n);
		/* intercepts and linear trend are free but for what keeps the factor regular */
		r->factor[j * p + j] += j < free_columns && j <= m->data->geos ? 1e-9 * r->n : r->lambda;
	}
	if (!cholesky(p, p, r->factor))
		return CORE_NUMERIC;
	for (int j = 0; j < p; j++)
	{
		double *column = r->Q + j * r->n;

		for (int k = 0; k < j; k++)
			for (size_t i = 0; i < r->n; i++)
				column[i] -= r->factor[j * p + k] * r->Q[k * r->n + i];
		for (size_t i = 0; i < r->n; i++)
			column[i] /= r->factor[j * p + j];
	}
	return CORE_OK;
}

void
mmm_ridge_set_y(MmmRidge *r, const double *y)
{
	double mean = 0;

	if (y != r->y)
		memcpy(r->y, y, sizeof(double) * r->n);
	r->yy = dot(r->y, r->y, r->n);
	for (int j = 0; j < r->model->base; j++)
	{
		r->Qy[j] = dot(r->Q + j * r->n, r->y, r->n);
		r->yy -= r->Qy[j] * r->Qy[j];
	}
	for (size_t i = 0; i < r->n; i++)
		mean += r->y[i];
	mean /= (double) r->n;
	r->total = 0;
	for (size_t i = 0; i < r->n; i++)
		r->total += (r->y[i] - mean) * (r->y[i] - mean);
}

CoreStatus
mmm_ridge_init(MmmRidge *r, const MmmModel *model, int periods, double penalty, const CoreEnv *env)
{
	size_t media = (size_t) model->media;
	size_t widest = (size_t) (model->transforms > model->base ? model->transforms : model->base) + 1;
	CoreStatus status;

	memset(r, 0, sizeof(*r));
	r->model = model;
	r->env = env;
	r->periods = periods;
	r->penalty = penalty;
	collect_observations(r);
	r->lambda = penalty * r->n;
	scale_exposure(r);
	status = factor_base(r);
	if (status != CORE_OK)
		return status;
	mmm_ridge_set_y(r, r->y);
	r->columns = CORE_ALLOC(env, double, media * r->n);
	r->slopes = CORE_ALLOC(env, double, model->transforms * r->n);
	r->jacobian = CORE_ALLOC(env, double, model->transforms * r->n);
	r->residual = CORE_ALLOC(env, double, r->n);
	r->series = CORE_ALLOC(env, double, (size_t) periods *(1 + MMM_MAX_TRANSFORMS));
	r->QX = CORE_ALLOC(env, double, media * model->base);
	r->gram = CORE_ALLOC(env, double, media *media);
	r->rhs = CORE_ALLOC(env, double, media);
	r->coefficient = CORE_ALLOC_ZERO(env, double, media);
	r->scratch = CORE_ALLOC(env, double, NNLS_DOUBLES(media) + 6 * widest * widest + widest * media);
	r->ints = CORE_ALLOC(env, int, NNLS_INTS(media));
	r->nonneg = CORE_ALLOC(env, bool, media);
	for (size_t j = 0; j < media; j++)
		r->nonneg[j] = j < (size_t) model->data->channels;
	return CORE_OK;
}

void
mmm_ridge_free(MmmRidge *r)
{
	void *all[] = {r->place,   r->y,	  r->Q,			  r->factor,   r->Qy,		r->x,
				   r->columns, r->slopes, r->series,	  r->residual, r->jacobian, r->QX,
				   r->gram,	   r->rhs,	  r->coefficient, r->scratch,  r->ints,		r->nonneg};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		core_free(r->env, all[i]);
}

static void
natural(const MmmModel *model, const double *z, double *transforms)
{
	for (int p = 0; p < model->per_channel; p++)
		transforms[p] = mmm_transform_is_log(model, p) ? exp(z[p]) : z[p];
}

/* Columns of the channels at z, and their slopes. */
static void
transform_channels(MmmRidge *r, const double *z, bool slopes)
{
	const MmmModel *m = r->model;
	size_t rows = (size_t) m->data->geos * r->periods;
	double transforms[MMM_MAX_TRANSFORMS];
	double *d[MMM_MAX_TRANSFORMS];

	for (int p = 0; p < MMM_MAX_TRANSFORMS; p++)
		d[p] = r->series + (size_t) (1 + p) * r->periods;
	for (int c = 0; c < m->data->channels; c++)
	{
		size_t i = 0;

		natural(m, z + c * m->per_channel, transforms);
		for (int g = 0; g < m->data->geos; g++)
		{
			const double *x = r->x + c * rows + (size_t) g * r->periods;
			size_t begin = (size_t) g * r->periods;

			mmm_transform(m, transforms, x, r->periods, r->series, slopes ? d : NULL, r->env);
			for (; i < r->n && r->place[i] < begin + r->periods; i++)
			{
				r->columns[c * r->n + i] = r->series[r->place[i] - begin];
				for (int p = 0; slopes && p < m->per_channel; p++)
					r->slopes[(c * m->per_channel + p) * r->n + i] = d[p][r->place[i] - begin];
			}
		}
	}
	for (int k = 0; k < m->spec.interactions; k++)
	{
		const double *a = r->columns + m->spec.interaction[k][0] * r->n;
		const double *b = r->columns + m->spec.interaction[k][1] * r->n;
		double *product = r->columns + (m->data->channels + k) * r->n;

		for (size_t i = 0; i < r->n; i++)
			product[i] = a[i] * b[i];
	}
}

/* Normal equations of the media with the base projected out. */
static void
normal_equations(MmmRidge *r)
{
	int media = r->model->media;
	int base = r->model->base;

	for (int a = 0; a < media; a++)
	{
		const double *column = r->columns + a * r->n;

		for (int j = 0; j < base; j++)
			r->QX[a * base + j] = dot(r->Q + j * r->n, column, r->n);
		r->rhs[a] = dot(column, r->y, r->n) - dot(r->QX + a * base, r->Qy, base);
		for (int b = 0; b <= a; b++)
			r->gram[a * media + b] = r->gram[b * media + a] =
				dot(column, r->columns + b * r->n, r->n) - dot(r->QX + a * base, r->QX + b * base, base);
		r->gram[a * media + a] += r->lambda;
	}
}

/* y less the media and what the base makes of the rest. */
static void
compute_residual(MmmRidge *r)
{
	int base = r->model->base;

	memcpy(r->residual, r->y, sizeof(double) * r->n);
	for (int a = 0; a < r->model->media; a++)
		for (size_t i = 0; r->coefficient[a] != 0 && i < r->n; i++)
			r->residual[i] -= r->coefficient[a] * r->columns[a * r->n + i];
	for (int j = 0; j < base; j++)
	{
		double share = r->Qy[j];

		for (int a = 0; a < r->model->media; a++)
			share -= r->coefficient[a] * r->QX[a * base + j];
		for (size_t i = 0; i < r->n; i++)
			r->residual[i] -= share * r->Q[j * r->n + i];
	}
}

/* Slopes of the prediction along each transform parameter at fixed coefficients. */
static void
compute_jacobian(MmmRidge *r)
{
	const MmmModel *m = r->model;

	for (int c = 0; c < m->data->channels; c++)
		for (int p = 0; p < m->per_channel; p++)
		{
			size_t at = (c * m->per_channel + p) * r->n;

			for (size_t i = 0; i < r->n; i++)
				r->jacobian[at + i] = r->coefficient[c] * r->slopes[at + i];
			for (int k = 0; k < m->spec.interactions; k++)
			{
				const int *pair = m->spec.interaction[k];
				double gain = r->coefficient[m->data->channels + k];

				if (gain == 0 || (pair[0] != c && pair[1] != c))
					continue;
				for (size_t i = 0; i < r->n; i++)
					r->jacobian[at + i] +=
						gain * r->slopes[at + i] * r->columns[(pair[0] == c ? pair[1] : pair[0]) * r->n + i];
			}
		}
}

double
mmm_ridge_evaluate(MmmRidge *r, const double *z, double *gradient)
{
	int media = r->model->media;
	double objective = r->yy;

	core_check(r->env);
	r->evaluations++;
	transform_channels(r, z, gradient != NULL);
	normal_equations(r);
	if (nnls_solve(media, r->gram, r->rhs, r->nonneg, r->coefficient, r->scratch, r->ints) != CORE_OK)
		return INFINITY;
	for (int a = 0; a < media; a++)
		objective += r->coefficient[a] * (dot(r->gram + a * media, r->coefficient, media) - 2 * r->rhs[a]);
	if (!isfinite(objective))
		return INFINITY;
	if (gradient)
	{
		compute_residual(r);
		compute_jacobian(r);
		for (int k = 0; k < r->model->transforms; k++)
			gradient[k] = -2 * dot(r->residual, r->jacobian + k * r->n, r->n);
	}
	return objective;
}

double
mmm_ridge_sse(MmmRidge *r)
{
	compute_residual(r);
	return dot(r->residual, r->residual, r->n);
}

void
mmm_ridge_totals(const MmmRidge *r, double *total)
{
	for (int c = 0; c < r->model->data->channels; c++)
	{
		total[c] = 0;
		for (size_t i = 0; r->coefficient[c] != 0 && i < r->n; i++)
			total[c] += r->coefficient[c] * r->columns[c * r->n + i] *
						mmm_kpi_unit(r->model, (int) (r->place[i] / r->periods));
	}
}

void
mmm_ridge_parameters(const MmmRidge *r, const double *z, double *parameters)
{
	const MmmModel *m = r->model;
	double *base = parameters + m->transforms + m->media;

	for (int c = 0; c < m->data->channels; c++)
		natural(m, z + c * m->per_channel, parameters + c * m->per_channel);
	memcpy(parameters + m->transforms, r->coefficient, sizeof(double) * m->media);
	for (int j = 0; j < m->base; j++)
	{
		base[j] = r->Qy[j];
		for (int a = 0; a < m->media; a++)
			base[j] -= r->coefficient[a] * r->QX[a * m->base + j];
	}
	/* b = L^-T (Q'e) */
	for (int j = m->base - 1; j >= 0; j--)
	{
		for (int k = j + 1; k < m->base; k++)
			base[j] -= r->factor[k * m->base + j] * base[k];
		base[j] /= r->factor[j * m->base + j];
	}
}

double
mmm_ridge_kkt(const MmmRidge *r)
{
	return nnls_kkt(r->model->media, r->gram, r->rhs, r->nonneg, r->coefficient);
}

/*
 * Gauss and Newton's matrix with the coefficients projected out (Kaufman 1975): J'J less what base and the
 * coefficients off their bounds can answer for.
 */
static bool
projected_hessian(MmmRidge *r, double *H, double *work)
{
	const MmmModel *m = r->model;
	int q = m->transforms;
	int base = m->base;
	double *QJ = work;							  /* [q][base] */
	double *XJ = QJ + (size_t) q * base;		  /* [q][media], then L^-1 of it */
	double *L = XJ + (size_t) q * (m->media + 1); /* factor of the active media */
	int active = 0;

	for (int a = 0; a < m->media; a++)
		if (r->coefficient[a] != 0)
			r->ints[active++] = a;
	for (int i = 0; i < active; i++)
		for (int j = 0; j <= i; j++)
			L[i * m->media + j] = r->gram[r->ints[i] * m->media + r->ints[j]];
	if (!cholesky(active, m->media, L))
		return false;
	for (int k = 0; k < q; k++)
	{
		const double *J = r->jacobian + k * r->n;

		for (int j = 0; j < base; j++)
			QJ[k * base + j] = dot(r->Q + j * r->n, J, r->n);
		for (int i = 0; i < active; i++)
		{
			double sum = dot(r->columns + r->ints[i] * r->n, J, r->n) -
						 dot(r->QX + r->ints[i] * base, QJ + k * base, base);

			for (int j = 0; j < i; j++)
				sum -= L[i * m->media + j] * XJ[k * m->media + j];
			XJ[k * m->media + i] = sum / L[i * m->media + i];
		}
		for (int l = 0; l <= k; l++)
			H[k * q + l] = H[l * q + k] = dot(J, r->jacobian + l * r->n, r->n) -
										  dot(QJ + k * base, QJ + l * base, base) -
										  dot(XJ + k * m->media, XJ + l * m->media, active);
	}
	return true;
}

/* A step within the box: variables at a bound that the gradient pushes outwards stay. */
static bool
bounded_step(int q, const double *H, const double *gradient, double damping, const MmmBox *box,
			 const double *z, double *next, double *work)
{
	double *A = work;
	double *delta = A + (size_t) q * q;
	int *free_index = (int *) (delta + q);
	int nfree = 0;

	for (int k = 0; k < q; k++)
		if (!((z[k] <= box->low[k] && gradient[k] > 0) || (z[k] >= box->high[k] && gradient[k] < 0)))
			free_index[nfree++] = k;
	for (int i = 0; i < nfree; i++)
	{
		for (int j = 0; j <= i; j++)
			A[i * q + j] = H[free_index[i] * q + free_index[j]];
		A[i * q + i] += damping * (A[i * q + i] + 1e-8) + 1e-14;
		delta[i] = -gradient[free_index[i]] / 2;
	}
	if (!cholesky(nfree, q, A))
		return false;
	cholesky_solve(nfree, q, A, delta);
	memcpy(next, z, sizeof(double) * q);
	for (int i = 0; i < nfree; i++)
	{
		int k = free_index[i];

		next[k] = fmin(box->high[k], fmax(box->low[k], z[k] + delta[i]));
	}
	return true;
}

#define TOLERANCE 1e-10

double
mmm_ridge_descend(MmmRidge *r, const MmmBox *box, double *z, int iterations)
{
	const CoreEnv *env = r->env;
	int q = r->model->transforms;
	double *H = CORE_ALLOC(env, double, (size_t) q *q + 3 * q + 1);
	double *gradient = H + (size_t) q * q;
	double *next = gradient + q;
	double *next_gradient = next + q;
	double *work = CORE_ALLOC(env, double,
							  (size_t) q *(r->model->base + r->model->media + 1) +
								  (size_t) r->model->media * r->model->media + (size_t) q * (q + 3) + 1);
	double damping = 1e-3;
	double objective = mmm_ridge_evaluate(r, z, gradient);
	bool current = isfinite(objective) && q > 0 && projected_hessian(r, H, work);

	while (current && iterations-- > 0)
	{
		double tried = INFINITY;

		if (bounded_step(q, H, gradient, damping, box, z, next, work))
			tried = mmm_ridge_evaluate(r, next, next_gradient);
		if (tried < objective)
		{
			bool settled = objective - tried <= TOLERANCE * objective;

			objective = tried;
			memcpy(z, next, sizeof(double) * q);
			memcpy(gradient, next_gradient, sizeof(double) * q);
			damping = fmax(damping / 10, 1e-12);
			if (settled)
				break;
			current = projected_hessian(r, H, work);
		}
		else if ((damping *= 10) > 1e8)
			break;
	}
	core_free(env, H);
	core_free(env, work);
	/* what callers read must belong to z, not to the last trial */
	return mmm_ridge_evaluate(r, z, NULL);
}

/*
 * Adstock: the carry-over of media into later periods, y_t = sum over lags l of w_l x_(t-l). A series starts
 * from nothing: periods before its first count 0.
 */
#ifndef ATTRIB_ADSTOCK_H
#define ATTRIB_ADSTOCK_H

#include "core.h"

typedef enum AdstockKind
{
	ADSTOCK_NONE, /* no carry-over */
	ADSTOCK_GEOMETRIC,
	ADSTOCK_DELAYED,
	ADSTOCK_BINOMIAL,
	ADSTOCK_WEIBULL_PDF,
	ADSTOCK_WEIBULL_CDF,
} AdstockKind;

#define ADSTOCK_KINDS 6
#define ADSTOCK_MAX_LAG 10000
#define ADSTOCK_ALL_HISTORY (-1)
#define ADSTOCK_MAX_PARAMETERS 2

/*
 * max_lag L gives weight to lags 0..L; ADSTOCK_ALL_HISTORY is for the geometric kind alone. normalized makes the
 * weights sum to 1 (over all history: times 1 - decay).
 */
typedef struct Adstock
{
	AdstockKind kind;
	int max_lag;
	bool normalized;
	double parameter[ADSTOCK_MAX_PARAMETERS]; /* decay; decay, peak; shape, scale */
} Adstock;

extern const char *adstock_name(AdstockKind kind);
extern bool adstock_by_name(const char *name, AdstockKind *kind);
extern const char *adstock_names(void);
extern int adstock_parameters(AdstockKind kind);
extern const char *adstock_parameter_name(AdstockKind kind, int parameter);

/* The bounds of a parameter; false where it is NaN or outside of them. */
typedef struct AdstockBounds
{
	double min;
	double max;
	bool min_open; /* min itself is outside */
	bool max_open;
} AdstockBounds;

extern AdstockBounds adstock_bounds(const Adstock *adstock, int parameter);
extern bool adstock_parameter_valid(const Adstock *adstock, int parameter);

/* The weights of lags 0..max_lag, and (if d is not NULL) their slopes along parameter p in d[p]. */
extern void adstock_weights(const Adstock *adstock, double *w, double *d[ADSTOCK_MAX_PARAMETERS]);

/*
 * Carry-over row by row. The caller gives adstock_stream_doubles() doubles of room. Geometric weights cost the
 * same however long the window is.
 */
typedef struct AdstockStream
{
	const Adstock *adstock;
	double *weights;
	double *ring;	/* the last window of inputs; geometric: the current block's */
	double *suffix; /* geometric: decayed sums from each place of the block before to its end */
	double scale;	/* geometric: what normalisation multiplies by */
	double sum;		/* geometric: decayed sum since the block began, or of all history */
	double carry;	/* geometric: decay^(places into the block + 1) */
	int place;
} AdstockStream;

extern size_t adstock_stream_doubles(const Adstock *adstock);
extern void adstock_stream_begin(AdstockStream *stream, const Adstock *adstock, double *room);
extern double adstock_stream_push(AdstockStream *stream, double x);

/*
 * A whole series at once, digit for digit what the stream gives (with slopes, but for the last digit of the geometric
 * kind, whose sums are then added otherwise). With d not NULL, d[p] receives the slopes along parameter p.
 */
extern void adstock_series(const Adstock *adstock, const double *x, size_t n, double *y,
						   double *d[ADSTOCK_MAX_PARAMETERS], const CoreEnv *env);

#endif

/*
 * Maps between an interval and the whole line: x in the interval, u on the line.
 */
#ifndef ATTRIB_LINE_MAP_H
#define ATTRIB_LINE_MAP_H

#include "core.h"

typedef enum LineMapKind
{
	LINE_IDENTITY,
	LINE_LOG,	/* x = low + e^u */
	LINE_MINUS, /* x = high - e^u */
	LINE_LOGIT, /* x = low + (high - low) / (1 + e^-u) */
} LineMapKind;

typedef struct LineMap
{
	LineMapKind kind;
	double low;
	double high;
} LineMap;

/* x, with what a density of u needs: log |dx/du| is added to the log density of x. */
typedef struct LinePoint
{
	double x;
	double dx;			 /* dx/du */
	double log_jacobian; /* log |dx/du| */
	double dlog_jacobian;
} LinePoint;

/* For any low < high, either of them infinite. */
extern LineMap line_map(double low, double high);

/* For u far out x may equal an end of the interval or be infinite; nothing is ever NaN but for a NaN. */
extern LinePoint line_to_interval(const LineMap *map, double u);
extern double line_from_interval(const LineMap *map, double x); /* infinite at an end */

extern double line_logistic(double u);	   /* 1 / (1 + e^-u) */
extern double line_log_logistic(double u); /* its logarithm */

#endif

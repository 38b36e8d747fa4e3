#include "line_map.h"

#include <math.h>

LineMap
line_map(double low, double high)
{
	LineMap map = {LINE_LOGIT, low, high};

	if (low == -INFINITY)
		map.kind = high == INFINITY ? LINE_IDENTITY : LINE_MINUS;
	else if (high == INFINITY)
		map.kind = LINE_LOG;
	return map;
}

double
line_logistic(double u)
{
	double e = exp(-fabs(u));

	return u < 0 ? e / (1 + e) : 1 / (1 + e);
}

double
line_log_logistic(double u)
{
	return fmin(u, 0) - log1p(exp(-fabs(u)));
}

LinePoint
line_to_interval(const LineMap *map, double u)
{
	double width = map->high - map->low;

	switch (map->kind)
	{
		case LINE_IDENTITY:
			return (LinePoint){.x = u, .dx = 1};
		case LINE_LOG:
			return (LinePoint){.x = map->low + exp(u), .dx = exp(u), .log_jacobian = u, .dlog_jacobian = 1};
		case LINE_MINUS:
			return (LinePoint){.x = map->high - exp(u), .dx = -exp(u), .log_jacobian = u, .dlog_jacobian = 1};
		case LINE_LOGIT:
			break;
	}
	return (LinePoint){.x = u < 0 ? map->low + width * line_logistic(u)
								  : map->high - width * line_logistic(-u),
					   .dx = width * line_logistic(u) * line_logistic(-u),
					   .log_jacobian = log(width) + line_log_logistic(u) + line_log_logistic(-u),
					   .dlog_jacobian = line_logistic(-u) - line_logistic(u)};
}

double
line_from_interval(const LineMap *map, double x)
{
	switch (map->kind)
	{
		case LINE_IDENTITY:
			return x;
		case LINE_LOG:
			return log(x - map->low);
		case LINE_MINUS:
			return log(map->high - x);
		case LINE_LOGIT:
			break;
	}
	return log(x - map->low) - log(map->high - x);
}

/*
 * The rhythm of a series of dates: every so many days, or every so many calendar months.
 */
#ifndef ATTRIB_CALENDAR_H
#define ATTRIB_CALENDAR_H

#include "core.h"

/* Days are counted from 2000-01-01. */
typedef struct CalendarStep
{
	int days;		/* 0 where months count */
	int months;		/* 0 where days count */
	bool month_end; /* months: always the last day */
} CalendarStep;

/*
 * The step of ascending, distinct days; true if each follows the one before it by that step. Otherwise *gap is the
 * index of the first that does not. One day alone has a step of nothing.
 */
extern bool calendar_step(const int32_t *day, size_t n, CalendarStep *step, size_t *gap);

/* The date `steps` steps after `day`. */
extern int32_t calendar_add(const CalendarStep *step, int32_t day, int steps);

/* Steps in a year. */
extern double calendar_year(const CalendarStep *step);

#endif

#include "calendar.h"

/* Days between 0000-03-01 and 2000-01-01 in the proleptic Gregorian calendar. */
#define EPOCH 730425

typedef struct Civil
{
	int64_t month; /* months since year 0 */
	int day;	   /* 1.. */
} Civil;

/* Years begin in March here, so that the leap day is their last. */
static int64_t
days_of_month(int64_t month)
{
	int64_t shifted = month - 2;
	int64_t year = shifted >= 0 ? shifted / 12 : -((11 - shifted) / 12);
	int64_t of_year = shifted - year * 12;
	int64_t leaps = year >= 0 ? year / 4 - year / 100 + year / 400
							  : -((3 - year) / 4) + (99 - year) / 100 - (399 - year) / 400;

	return year * 365 + leaps + (153 * of_year + 2) / 5 - EPOCH;
}

static Civil
civil_of(int32_t day)
{
	/* A mean month is 30.436875 days; the guess is off by one at most. */
	int64_t month = 2000 * 12 + (int64_t) ((double) day / 30.436875);
	Civil civil;

	while (days_of_month(month) > day)
		month--;
	while (days_of_month(month + 1) <= day)
		month++;
	civil.month = month;
	civil.day = (int) (day - days_of_month(month)) + 1;
	return civil;
}

static int
month_length(int64_t month)
{
	return (int) (days_of_month(month + 1) - days_of_month(month));
}

/* All on one day of the month, or all on the last. */
static bool
monthly(const int32_t *day, size_t n, bool *month_end)
{
	Civil first = civil_of(day[0]);
	bool same = true;

	*month_end = true;
	for (size_t i = 0; i < n; i++)
	{
		Civil civil = civil_of(day[i]);

		same = same && civil.day == first.day;
		*month_end = *month_end && civil.day == month_length(civil.month);
	}
	if (same)
		*month_end = false;
	return same || *month_end;
}

static int64_t
distance(const CalendarStep *step, int32_t from, int32_t to)
{
	return step->months ? civil_of(to).month - civil_of(from).month : to - from;
}

bool
calendar_step(const int32_t *day, size_t n, CalendarStep *step, size_t *gap)
{
	int64_t unit = INT32_MAX;
	bool even = true;

	*step = (CalendarStep){0, 0, false};
	if (n < 2)
		return true;
	for (size_t i = 2; i < n; i++)
		even = even && day[i] - day[i - 1] == day[1] - day[0];
	/* Months differ in length, so only two of them can be evenly spaced by chance. */
	if ((!even || (n == 2 && day[1] - day[0] >= 28)) && monthly(day, n, &step->month_end))
		step->months = 1;
	for (size_t i = 1; i < n; i++)
	{
		int64_t apart = distance(step, day[i - 1], day[i]);

		if (apart < unit)
			unit = apart;
	}
	if (step->months)
		step->months = (int) unit;
	else
		step->days = (int) unit;
	for (*gap = 1; *gap < n; ++*gap)
		if (distance(step, day[*gap - 1], day[*gap]) != unit)
			return false;
	return true;
}

int32_t
calendar_add(const CalendarStep *step, int32_t day, int steps)
{
	Civil civil;
	int64_t month;
	int length;

	if (!step->months)
		return (int32_t) (day + (int64_t) step->days * steps);
	civil = civil_of(day);
	month = civil.month + (int64_t) step->months * steps;
	length = month_length(month);
	return (int32_t) (days_of_month(month) + (step->month_end || civil.day > length ? length : civil.day) -
					  1);
}

double
calendar_year(const CalendarStep *step)
{
	if (step->months)
		return 12.0 / step->months;
	return step->days ? 365.25 / step->days : 0;
}

/* Steps of dates: days, months, ends of months, gaps. */
#include "core/calendar.h"
#include "unit.h"

int
main(void)
{
	/* 2024-01-01 is day 8766 */
	int32_t weeks[] = {8766, 8773, 8780, 8787};
	int32_t gap_weeks[] = {8766, 8773, 8787, 8794};
	int32_t firsts[] = {8766, 8797, 8826, 8857};	 /* Jan, Feb, Mar, Apr 1st of a leap year */
	int32_t ends[] = {8796, 8825, 8856, 8886};		 /* Jan 31, Feb 29, Mar 31, Apr 30 */
	int32_t gap_firsts[] = {8766, 8797, 8857, 8887}; /* March is missing */
	int32_t quarters[] = {8766, 8857, 8948, 9040};
	int32_t years[] = {8766, 9132, 9497};
	int32_t old[] = {-800000, -799993, -799986};
	CalendarStep step;
	size_t gap = 0;

	ok(calendar_step(weeks, 4, &step, &gap) && step.days == 7 && step.months == 0, "weeks");
	ok(calendar_add(&step, 8787, 2) == 8801, "two weeks on");
	is_close(calendar_year(&step), 365.25 / 7, 1e-15, "weeks of a year");
	ok(!calendar_step(gap_weeks, 4, &step, &gap) && gap == 2 && step.days == 7, "a missing week");
	ok(calendar_step(firsts, 4, &step, &gap) && step.months == 1 && !step.month_end, "months");
	ok(calendar_add(&step, 8857, 1) == 8887 && calendar_add(&step, 8766, -1) == 8735, "May, December");
	ok(calendar_step(ends, 4, &step, &gap) && step.months == 1 && step.month_end, "ends of months");
	ok(calendar_add(&step, 8886, 1) == 8917, "May 31");
	is_close(calendar_year(&step), 12, 1e-15, "months of a year");
	ok(!calendar_step(gap_firsts, 4, &step, &gap) && gap == 2 && step.months == 1, "a missing month");
	ok(calendar_step(quarters, 4, &step, &gap) && step.months == 3, "quarters");
	ok(calendar_step(years, 3, &step, &gap) && step.months == 12, "years");
	ok(calendar_step(firsts, 2, &step, &gap) && step.months == 1, "two firsts are a month apart");
	ok(calendar_step(weeks, 2, &step, &gap) && step.days == 7, "two weeks");
	ok(calendar_step(weeks, 1, &step, &gap) && step.days == 0 && step.months == 0, "one date has no step");
	ok(calendar_step(old, 3, &step, &gap) && step.days == 7, "long ago");
	return done();
}

#include "core/lift.h"

#include "unit.h"

/*
 * scipy.stats.ttest_ind(post, pre, equal_var=False) of SciPy 1.17.1 for the gaps
 * pre = 3.1 2.4 4.0 3.3 2.9 3.6 3.0 2.7 and post = 5.2 4.1 6.3 5.0 4.4.
 */
int
main(void)
{
	double gap[] = {3.1, 2.4, 4.0, 3.3, 2.9, 3.6, 3.0, 2.7, 5.2, 4.1, 6.3, 5.0, 4.4};
	double control[] = {10, 12, 9, 11, 14, 10, 8, 9, 13, 15, 11, 10, 12};
	double treated[13];
	double same[4] = {1, 1, 1, 1};
	Lift lift;

	for (int i = 0; i < 13; i++)
		treated[i] = control[i] + gap[i];
	lift_test(treated, control, 13, 8, 0.95, &lift);
	is_close(lift.lift, 1.875, 1e-13, "difference in differences");
	is_close(lift.lift / lift.std_error, 4.456038416139605, 1e-12, "t");
	is_close(lift.degrees, 5.8019279601221605, 1e-12, "degrees of freedom");
	is_close(lift.p_value, 0.0046659899447502005, 1e-10, "p-value");
	is_close(lift.interval.low, 0.8368142336700679, 1e-9, "low");
	is_close(lift.interval.high, 2.9131857663299323, 1e-9, "high");
	is_close(lift.expected, 17.2 - 1.875, 1e-13, "expected without treatment");
	lift_test(same, same, 4, 2, 0.95, &lift);
	ok(lift.lift == 0 && isnan(lift.p_value) && lift.interval.low == 0, "no variation, no p-value");
	return done();
}

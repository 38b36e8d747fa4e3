/*
 * The formulas of saturation as the field writes them, by their own parameters.
 */
#include "saturation_kernels.h"

double
hill_value(double x, double half, double slope)
{
	return hill_growth(x, half, slope).value;
}

double
hill_derivative(double x, double half, double slope)
{
	return hill_growth(x, half, slope).first;
}

double
logistic_value(double x, double lam)
{
	return tanh_growth(lam * x / 2).value;
}

double
logistic_derivative(double x, double lam)
{
	return lam / 2 * tanh_growth(lam * x / 2).first;
}

double
tanh_value(double x, double b, double c)
{
	return b * tanh_growth(x / (b * c)).value;
}

double
tanh_derivative(double x, double b, double c)
{
	return tanh_growth(x / (b * c)).first / c;
}

double
michaelis_menten_value(double x, double alpha, double lam)
{
	return alpha * hill_growth(x, lam, 1).value;
}

double
michaelis_menten_derivative(double x, double alpha, double lam)
{
	return alpha * hill_growth(x, lam, 1).first;
}

double
root_value(double x, double alpha)
{
	return root_growth(x, alpha).value;
}

double
root_derivative(double x, double alpha)
{
	return root_growth(x, alpha).first;
}

double
inverse_scaled_logistic_value(double x, double lam)
{
	return inverse_scaled_logistic_growth(x, lam).value;
}

double
inverse_scaled_logistic_derivative(double x, double lam)
{
	return inverse_scaled_logistic_growth(x, lam).first;
}

double
hill_sigmoid_value(double x, double sigma, double b, double l)
{
	return hill_sigmoid_growth(x, sigma, b, l).value;
}

double
hill_sigmoid_derivative(double x, double sigma, double b, double l)
{
	return hill_sigmoid_growth(x, sigma, b, l).first;
}

double
log1p_value(double x)
{
	return log1p_growth(x).value;
}

double
log1p_derivative(double x)
{
	return log1p_growth(x).first;
}

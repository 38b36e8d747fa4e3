#include "amount_text.h"

/* whole + fraction * 2^-64, rounded to 20 decimals, without trailing zeros. */
void
append_amount(StringInfo out, ufixed128 whole, uint64 fraction)
{
	char decimals[AMOUNT_DECIMALS + 1];
	char digits[40];
	ufixed128 rest = fraction;
	int n = AMOUNT_DECIMALS;
	int at = (int) sizeof(digits);

	for (int i = 0; i < n; i++)
	{
		rest *= 10;
		decimals[i] = (char) ('0' + (int) (rest >> 64));
		rest = (uint64) rest;
	}
	if (rest >> 63)
	{
		int i = n;

		while (i > 0 && decimals[i - 1] == '9')
			decimals[--i] = '0';
		if (i > 0)
			decimals[i - 1]++;
		else
			whole++;
	}
	while (n > 0 && decimals[n - 1] == '0')
		n--;
	decimals[n] = '\0';
	do
	{
		digits[--at] = (char) ('0' + (int) (whole % 10));
		whole /= 10;
	} while (whole != 0);
	appendBinaryStringInfo(out, digits + at, (int) sizeof(digits) - at);
	if (n > 0)
		appendStringInfo(out, ".%s", decimals);
}

void
append_fixed(StringInfo out, fixed128 value)
{
	append_amount(out, (ufixed128) (value >> 64), (uint64) value);
}

/* A plain decimal as whole + fraction * 2^-64, to the nearest; false if it is none or too long. */
bool
parse_amount(const char *text, ufixed128 *whole, uint64 *fraction)
{
	const ufixed128 power = (ufixed128) UINT64CONST(10000000000) * UINT64CONST(10000000000); /* 10^20 */
	ufixed128 decimals = 0;
	int ndecimals = 0;

	*whole = 0;
	*fraction = 0;
	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++)
	{
		if (*whole > (~(ufixed128) 0 - 9) / 10)
			return false;
		*whole = *whole * 10 + (ufixed128) (*text - '0');
	}
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9' && ndecimals < AMOUNT_DECIMALS; text++, ndecimals++)
			decimals = decimals * 10 + (ufixed128) (*text - '0');
	if (*text != '\0')
		return false;
	for (; ndecimals < AMOUNT_DECIMALS; ndecimals++)
		decimals *= 10;
	for (int bit = 0; bit < 64; bit++)
	{
		decimals *= 2;
		*fraction = *fraction << 1 | (decimals >= power);
		if (decimals >= power)
			decimals -= power;
	}
	if (decimals * 2 >= power && ++*fraction == 0)
		++*whole;
	return true;
}

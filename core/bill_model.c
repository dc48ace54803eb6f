/* SPDX-License-Identifier: MIT */
/* Names of models in bills (bill.h). */
#include "core/bill.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The date at the end of a name, as "-20251001" or "-2025-10-01", goes. */
static size_t
without_date(const char *p, size_t n)
{
	static const char *const forms[] = { "-dddddddd", "-dddd-dd-dd" };
	size_t i, k, m;

	for (i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		m = strlen(forms[i]);
		if (n <= m)
			continue;
		for (k = 0; k < m; k++)
			if (forms[i][k] == 'd' ? !is_digit(p[n - m + k])
					       : p[n - m + k] != '-')
				break;
		if (k == m)
			return n - m;
	}
	return n;
}

struct str
bill_model(struct arena *a, struct str name)
{
	char *out = str_cstr(a, name);
	size_t i;

	for (i = 0; i < name.n; i++) {
		if (out[i] >= 'A' && out[i] <= 'Z')
			out[i] = (char)(out[i] - 'A' + 'a');
		if (out[i] == ' ' || out[i] == '.')
			out[i] = '-';
	}
	return (struct str){ out, without_date(out, name.n) };
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -O1 -fno-omit-frame-pointer -fno-optimize-sibling-calls
/*
 * Spends a second of CPU time in Wheel<int>::turn(unsigned long) and
 * Wheel<char const*>::turn(unsigned long), which turns three times as often.
 */
#include <cstdio>
#include <ctime>

namespace sample
{

template <typename T> struct Wheel {
	__attribute__((noinline, noclone)) void turn(unsigned long n)
	{
		/* Else it has no frame, and its caller is not found. */
		asm volatile("" : : "r"(__builtin_frame_address(0)));
		while (n--)
			asm volatile("");
		turned += n;
	}
	unsigned long turned = 0;
};

} // namespace sample

static bool time_is_left()
{
	timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return !now.tv_sec;
}

int main()
{
	sample::Wheel<int> once;
	sample::Wheel<const char *> thrice;

	for (unsigned long n = 1000; time_is_left(); n = (n * 7 + 13) % 9001 + 1000)
		for (int i = 0; i < 64; i++) {
			once.turn(n);
			thrice.turn(3 * n);
		}
	return puts("{\"what\":\"work\",\"mode\":\"template\"}") < 0;
}

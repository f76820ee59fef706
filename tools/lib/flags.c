/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "lib/flags.h"

const struct flag_name *flag_find(const struct flag_name *names, const char *name)
{
	for (; names->name; names++)
		if (!strcasecmp(names->name, name))
			return names;
	return NULL;
}

/* Whether another flag that is set has all bits of this one, and more. */
static bool flag_contained(const struct flag_name *names, const struct flag_name *flag,
			   uint64_t flags)
{
	for (; names->name; names++)
		if (names->value != flag->value && (names->value & flag->value) == flag->value &&
		    flag->value && (flags & names->mask) == names->value &&
		    names->mask == names->value)
			return true;
	return false;
}

void flags_text(const struct flag_name *names, uint64_t flags, struct value *v)
{
	static char text[512];
	uint64_t known = 0;
	size_t len = 0;

	for (const struct flag_name *flag = names; flag->name; flag++) {
		if ((flags & flag->mask) != flag->value || flag_contained(names, flag, flags))
			continue;
		known |= flag->value;
		if (len < sizeof(text))
			len += snprintf(text + len, sizeof(text) - len, "%s%s", len ? "|" : "",
					flag->name);
	}
	if ((flags & ~known) && len < sizeof(text))
		len += snprintf(text + len, sizeof(text) - len, "%s%#llx", len ? "|" : "",
				(unsigned long long)(flags & ~known));
	v->kind = VALUE_TEXT;
	v->data = text;
	v->len = len < sizeof(text) ? len : sizeof(text) - 1;
}

const char *file_type_name(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "reg";
	case S_IFDIR:
		return "dir";
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "sock";
	case S_IFLNK:
		return "link";
	default:
		return NULL;
	}
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flame graphs.  flame.js draws them, in a page or an image, from the profile in JSON; the image also
 * has a picture for where no script runs.  Nothing is loaded from elsewhere.
 *
 * Names are hostile: they get into the file escaped for terminals first, then for JSON without < > &,
 * or for XML. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flame.css.h"
#include "flame.js.h"
#include "lib/output.h"
#include "lib/profile_model.h"
#include "lib/sha256.h"
#include "lib/text.h"
#include "lib/util.h"

#define KIND_TASK FRAME_KINDS /* the frame for a task's name, and the one for all */

#define PICTURE_WIDTH  1200.0
#define PICTURE_MARGIN 12.0
#define PICTURE_ROW    18
#define PICTURE_LEAST  0.5 /* width of what is drawn */
#define PICTURE_FRAMES 20000
#define LETTER_WIDTH   7.3

/* Kinds are told apart by more than their colours. */
static const char patterns[] =
	"<defs stroke=\"#000\" stroke-opacity=\".3\" fill=\"none\">"
	"<pattern id=\"k1\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
	"<path d=\"M1 2h2M4 5h2\"/></pattern>"
	"<pattern id=\"k2\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
	"<path d=\"M2 0v6\" stroke-opacity=\".2\"/></pattern>"
	"<pattern id=\"k3\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\">"
	"<path d=\"M-1 8L8 -1M-2 2L2 -2M5 9L9 5\" stroke-opacity=\".2\"/></pattern>"
	"<pattern id=\"k4\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"
	"<path d=\"M0 0L8 8M8 0L0 8\" stroke-opacity=\".18\"/></pattern>"
	"<pattern id=\"k5\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
	"<path d=\"M0 3h6\" stroke-opacity=\".15\"/></pattern></defs>";

struct flame {
	const struct profile *profile;
	struct view *view;
	const char *title;
	struct buf lines;	  /* escaped, each with its \n */
	uint64_t *total, *before; /* of each node; what it was before: NULL without a difference */
	double most;		  /* by how much a share has changed at most */
	bool diff, time;
	struct buf b;
	int fd;
};

static void add_line(void *context, const char *line, size_t len)
{
	buf_add(context, line, len);
	buf_char(context, '\n');
}

static double share(uint64_t part, uint64_t all)
{
	return all ? (double)part / all : 0;
}

static double magnitude(double v)
{
	return v < 0 ? -v : v;
}

/* By how much its share of all has grown. */
static double change(const struct flame *f, uint32_t node)
{
	return share(f->total[node], f->total[0]) - share(f->before[node], f->before[0]);
}

static int sum_nodes(struct flame *f)
{
	const struct view *view = f->view;

	f->total = calloc(view->node_count, sizeof(*f->total));
	f->before = calloc(view->node_count, sizeof(*f->before));
	if (!f->total || !f->before)
		return -ENOMEM;
	for (uint32_t i = view->node_count; i--;) {
		const struct view_node *node = &view->nodes[i];

		f->total[i] =
			add_sat(f->total[i], f->diff ? node->values[PROFILE_OFF_NS] : node->self);
		f->before[i] = add_sat(f->before[i], node->values[PROFILE_CPU_NS]);
		if (i) {
			f->total[node->parent] = add_sat(f->total[node->parent], f->total[i]);
			f->before[node->parent] = add_sat(f->before[node->parent], f->before[i]);
		}
	}
	for (uint32_t i = 1; i < view->node_count && f->diff; i++)
		if (f->most < magnitude(change(f, i)))
			f->most = magnitude(change(f, i));
	return 0;
}

static void node_label(struct buf *label, const struct flame *f, uint32_t node)
{
	struct frame frame;

	buf_reset(label);
	if (!node) {
		buf_str(label, "all");
		return;
	}
	view_frame(f->view, f->view->nodes[node].function, &frame);
	frame_label(label, &frame);
	if (!frame.name)
		buf_printf(label, " (%s)", frame_why_name(frame.why));
}

static unsigned int node_kind(const struct flame *f, const struct view_step *step)
{
	struct frame frame;

	if (step->depth < 2)
		return KIND_TASK;
	view_frame(f->view, f->view->nodes[step->node].function, &frame);
	return frame.kind;
}

/* ---- the data ---- */

static int put_functions(struct flame *f)
{
	const struct profile *profile = f->profile;
	_cleanup_free_ uint32_t *modules = calloc(profile->strings.set.count, sizeof(*modules));
	struct buf *b = &f->b, label = {};
	uint32_t count = 0;
	int err = modules ? 0 : -ENOMEM;

	buf_str(b, "],\n\"modules\":[\"\"");
	for (uint32_t i = 1; i < f->view->function_count && !err; i++) {
		uint32_t id = profile_frame(profile, f->view->functions[i].frame)->module;
		const char *module = profile_string(profile, id);

		if (!id || modules[id])
			continue;
		modules[id] = ++count;
		buf_str(b, ",\n");
		put_shown_json(b, module, strlen(module));
		err = buf_drain(b, f->fd, false);
	}
	buf_str(b, "],\n\"functions\":[");
	for (uint32_t i = 1; i < f->view->function_count && !err; i++) {
		const struct exact *exact = profile_frame(profile, f->view->functions[i].frame);
		struct frame frame;

		view_frame(f->view, i, &frame);
		buf_reset(&label);
		frame_label(&label, &frame);
		if (!frame.name)
			buf_printf(&label, " (%s)", frame_why_name(frame.why));
		buf_str(b, i > 1 ? ",\n" : "\n");
		put_shown_json(b, label.data, label.len);
		buf_printf(b, ",%u,%u", exact->kind, modules[exact->module]);
		err = buf_drain(b, f->fd, false);
	}
	buf_done(&label);
	return err;
}

static int put_data(struct flame *f)
{
	const struct view *view = f->view;
	struct buf *b = &f->b;
	const char *end;
	int err = 0;

	buf_str(b, "<script type=\"application/json\" id=\"profile\">{\"title\":");
	put_shown_json(b, f->title, strlen(f->title));
	buf_printf(b, ",\"time\":%s,\"diff\":%s,\n\"lines\":[", f->time ? "true" : "false",
		   f->diff ? "true" : "false");
	for (const char *p = f->lines.data, *last = p + f->lines.len; p < last; p = end + 1) {
		end = memchr(p, '\n', last - p);
		if (p != f->lines.data)
			buf_char(b, ',');
		put_json_plain(b, p, end - p);
	}
	buf_str(b, "],\n\"kinds\":[");
	for (unsigned int i = 0; i < FRAME_KINDS; i++)
		buf_printf(b, "\"%s\",", frame_kind_name(i));
	buf_str(b, "\"process\"");
	err = put_functions(f);
	buf_str(b, "],\n\"nodes\":[");
	for (uint32_t i = 0; i < view->node_count && !err; i++) {
		const struct view_node *node = &view->nodes[view->steps[i].node];

		buf_str(b, i ? "," : "\n");
		buf_u64(b, view->steps[i].depth);
		buf_char(b, ',');
		buf_u64(b, i ? node->function - 1 : 0);
		buf_char(b, ',');
		buf_u64(b, f->diff ? node->values[PROFILE_OFF_NS] : node->self);
		buf_char(b, ',');
		buf_u64(b, node->values[f->diff ? PROFILE_CPU_NS : PROFILE_SAMPLES]);
		if (i % 16 == 15)
			buf_char(b, '\n');
		err = buf_drain(b, f->fd, false);
	}
	buf_str(b, "]}</script>\n");
	return err;
}

/* ---- the picture ---- */

static void put_change(struct buf *b, double c)
{
	buf_printf(b, "%s%.2f%%",
		   c > 0 ? "+" :
		   c < 0 ? "\xe2\x88\x92" :
			   "\xc2\xb1",
		   100 * magnitude(c));
}

/* As in flame.js. */
static double name_hash(const struct buf *label)
{
	unsigned int h = 0;

	for (size_t i = 0; i < label->len && i < 64; i++)
		h = (31 * h + (unsigned char)label->data[i]) % 251;
	return h / 250.0;
}

static void put_tint(struct buf *b, const struct flame *f, uint32_t node)
{
	static const int none[] = { 232, 228, 222 }, more[] = { 240, 112, 92 },
			 less[] = { 112, 160, 240 };
	double c = change(f, node), t = c != 0 ? .15 + .85 * magnitude(c) / f->most : 0;
	const int *to = c > 0 ? more : less;

	buf_printf(b, " fill=\"rgb(%.0f,%.0f,%.0f)\"", none[0] * (1 - t) + to[0] * t,
		   none[1] * (1 - t) + to[1] * t, none[2] * (1 - t) + to[2] * t);
}

/* What a pointer that rests there shows. */
static void put_hint(struct flame *f, const struct buf *label, const struct view_step *step,
		     unsigned int kind)
{
	uint64_t total = f->total[step->node];
	struct buf *b = &f->b;

	buf_str(b, "<title>");
	put_xml(b, label->data, label->len, 300);
	if (step->depth)
		buf_printf(b, " (%s)",
			   kind == KIND_TASK ? "process" : frame_kind_name((enum frame_kind)kind));
	buf_str(b, ": ");
	put_weight(b, f->time, total);
	buf_printf(b, ", %.2f%%", 100 * share(total, f->total[0]));
	if (f->diff) {
		buf_str(b, ", ");
		put_change(b, change(f, step->node));
	}
	buf_str(b, "</title>");
}

static void put_box(struct flame *f, const struct view_step *step, double x, double width, double y)
{
	unsigned int kind = node_kind(f, step);
	struct buf label = {}, *b = &f->b;
	char place[128];
	int columns;

	node_label(&label, f, step->node);
	snprintf(place, sizeof(place),
		 "x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"%d\" rx=\"2\"", x, y, width,
		 PICTURE_ROW);
	buf_str(b, "<g>");
	put_hint(f, &label, step, kind);
	buf_printf(b, "<rect class=\"f%s", f->diff ? "" : " f");
	if (!f->diff)
		buf_printf(b, "%u", kind);
	buf_printf(b, "\" %s", place);
	if (f->diff)
		put_tint(b, f, step->node);
	else
		buf_printf(b, " fill-opacity=\"%.2f\"", 1 - .25 * name_hash(&label));
	buf_str(b, "/>");
	if (kind && kind != KIND_TASK && width > 3)
		buf_printf(b, "<rect class=\"o\" %s fill=\"url(#k%u)\"/>", place, kind);
	columns = (width - 6) / LETTER_WIDTH;
	if (columns > 2) {
		buf_printf(b, "<text class=\"label\" x=\"%.2f\" y=\"%.0f\">", x + 3,
			   y + PICTURE_ROW - 5);
		if (f->diff && columns > 10) {
			put_change(b, change(f, step->node));
			buf_char(b, ' ');
			columns -= 8;
		}
		put_xml(b, label.data, label.len, columns);
		buf_str(b, "</text>");
	}
	buf_str(b, "</g>\n");
	b->failed |= label.failed;
	buf_done(&label);
}

/* The least width at which not too much is drawn. */
static double least_width(const struct flame *f, double scale)
{
	double least = PICTURE_LEAST;
	uint32_t n;

	do {
		n = 0;
		for (uint32_t i = 0; i < f->view->node_count; i++)
			n += f->total[i] * scale >= least;
		least *= n > PICTURE_FRAMES ? 1.5 : 1;
	} while (n > PICTURE_FRAMES);
	return least;
}

static uint32_t picture_depth(const struct flame *f, double scale, double least)
{
	uint32_t depth = 0;

	for (uint32_t i = 0; i < f->view->node_count; i++)
		if (f->total[f->view->steps[i].node] * scale >= least &&
		    f->view->steps[i].depth > depth)
			depth = f->view->steps[i].depth;
	return depth;
}

static void put_legend(struct flame *f, double y)
{
	double x = PICTURE_MARGIN;

	for (unsigned int k = 0; k <= FRAME_KINDS; k++) {
		const char *name = k == KIND_TASK ? "process" : frame_kind_name((enum frame_kind)k);

		buf_printf(
			&f->b,
			"<rect class=\"f f%u\" x=\"%.0f\" y=\"%.0f\" width=\"22\" height=\"13\" rx=\"2\"/>",
			f->diff ? KIND_TASK : k, x, y);
		if (k && k != KIND_TASK)
			buf_printf(
				&f->b,
				"<rect x=\"%.0f\" y=\"%.0f\" width=\"22\" height=\"13\" fill=\"url(#k%u)\"/>",
				x, y, k);
		buf_printf(&f->b, "<text class=\"note\" x=\"%.0f\" y=\"%.0f\">%s</text>\n", x + 28,
			   y + 11, name);
		x += 48 + 8 * (double)strlen(name);
	}
}

/* In the picture, with *y* what is above them. */
static void put_lines(struct flame *f, const char *before, const char *after, double y)
{
	const char *end;

	for (const char *p = f->lines.data, *last = p + f->lines.len; p < last; p = end + 1) {
		end = memchr(p, '\n', last - p);
		if (y > 0)
			buf_printf(&f->b, "<text class=\"note\" x=\"%.0f\" y=\"%.0f\">",
				   PICTURE_MARGIN, y += 18);
		else
			buf_str(&f->b, before);
		put_xml_plain(&f->b, p, end - p);
		buf_str(&f->b, after);
	}
}

static int put_picture(struct flame *f, double top, uint32_t depth, double scale, double least)
{
	const struct view *view = f->view;
	_cleanup_free_ double *next = calloc(view->depth + 2ul, sizeof(*next));
	double bottom = top + (depth + 1.0) * PICTURE_ROW;
	int err = next ? 0 : -ENOMEM;

	if (next)
		next[0] = PICTURE_MARGIN;
	for (uint32_t i = 0; i < view->node_count && !err; i++) {
		const struct view_step *step = &view->steps[i];
		double x = next[step->depth], width = f->total[step->node] * scale;

		if (!i && !f->total[0])
			width = PICTURE_WIDTH - 2 * PICTURE_MARGIN;
		next[step->depth + 1] = x;
		next[step->depth] = x + width;
		if (i && width < least)
			continue;
		put_box(f, step, x, width, bottom - (step->depth + 1.0) * PICTURE_ROW);
		err = buf_drain(&f->b, f->fd, false);
	}
	return err;
}

static int put_svg(struct flame *f)
{
	double scale = f->total[0] ? (PICTURE_WIDTH - 2 * PICTURE_MARGIN) / f->total[0] : 0;
	double least = least_width(f, scale), top = 44, height;
	uint32_t depth = picture_depth(f, scale, least);
	struct buf *b = &f->b;
	int err;

	for (size_t i = 0; i < f->lines.len; i++)
		top += f->lines.data[i] == '\n' ? 18 : 0;
	height = top + (depth + 1.0) * PICTURE_ROW + 36;
	buf_printf(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" ",
		   PICTURE_WIDTH, height);
	buf_printf(b, "viewBox=\"0 0 %.0f %.0f\">\n<title>", PICTURE_WIDTH, height);
	put_xml(b, f->title, strlen(f->title), 0);
	buf_str(b, "</title>\n<desc>");
	put_lines(f, "", "\n", 0);
	buf_str(b, "</desc>\n<style><![CDATA[\n");
	buf_str(b, flame_css);
	buf_str(b, "]]></style>\n");
	buf_str(b, patterns);
	buf_printf(b, "\n<g id=\"still\">\n<text class=\"head\" x=\"%.0f\" y=\"28\">",
		   PICTURE_MARGIN);
	put_xml(b, f->title, strlen(f->title), 120);
	buf_str(b, "</text>\n");
	put_lines(f, NULL, "</text>\n", 30);
	err = put_picture(f, top, depth, scale, least);
	put_legend(f, height - 24);
	buf_str(b, "</g>\n");
	if (!err)
		err = put_data(f);
	buf_str(b, "<script><![CDATA[\n");
	buf_str(b, flame_js);
	buf_str(b, "]]></script>\n</svg>\n");
	return err;
}

/* ---- the page ---- */

static void put_base64(struct buf *b, const uint8_t *p, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; n; p += 3, n = n > 3 ? n - 3 : 0) {
		uint32_t v = p[0] << 16 | (n > 1 ? p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

		for (unsigned int i = 0; i < 4; i++)
			buf_char(b, i > n ? '=' : digits[v >> (18 - 6 * i) & 63]);
	}
}

/* Only this script and these styles, whatever else might get in. */
static void put_source(struct buf *b, const char *text)
{
	uint8_t hash[32];

	sha256(text, strlen(text), hash);
	buf_str(b, "'sha256-");
	put_base64(b, hash, sizeof(hash));
	buf_char(b, '\'');
}

static int put_html(struct flame *f)
{
	struct buf *b = &f->b;
	int err;

	buf_str(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		   "base-uri 'none'; form-action 'none'; script-src ");
	put_source(b, flame_js);
	buf_str(b, "; style-src ");
	put_source(b, flame_css);
	buf_str(b, "\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
	put_xml(b, f->title, strlen(f->title), 0);
	buf_str(b, "</title>\n<style>");
	buf_str(b, flame_css);
	buf_str(b, "</style>\n</head>\n<body>\n<div id=\"still\">\n<h1>");
	put_xml(b, f->title, strlen(f->title), 0);
	buf_str(b, "</h1>\n");
	put_lines(f, "<p>", "</p>\n", 0);
	buf_str(b, "<noscript><p>A script in this page draws the flame graph, which does not run "
		   "here.</p></noscript>\n</div>\n<svg id=\"patterns\" width=\"0\" height=\"0\">");
	buf_str(b, patterns);
	buf_str(b, "</svg>\n");
	err = put_data(f);
	buf_str(b, "<script>");
	buf_str(b, flame_js);
	buf_str(b, "</script>\n</body>\n</html>\n");
	return err;
}

static int write_flame(struct flame *f, bool html)
{
	int err = view_new(f->profile, true, VIEW_BY_NAME, &f->view);

	if (!err)
		err = sum_nodes(f);
	if (!err)
		err = f->lines.failed ? -ENOMEM : html ? put_html(f) : put_svg(f);
	err = buf_finish(&f->b, f->fd, err);
	buf_done(&f->lines);
	free(f->total);
	free(f->before);
	view_free(f->view);
	return err;
}

static int write_profile(const struct profile *profile, int fd, bool html)
{
	struct flame f = { .profile = profile, .fd = fd, .time = profile_has_time(profile) };
	const char *end;

	profile_head(profile, add_line, &f.lines);
	f.title = profile->title && *profile->title ? profile->title : "flame graph";
	/* The title is no line below itself. */
	end = profile->title && *profile->title && f.lines.len ?
		      memchr(f.lines.data, '\n', f.lines.len) :
		      NULL;
	if (end) {
		f.lines.len -= end + 1 - f.lines.data;
		memmove(f.lines.data, end + 1, f.lines.len);
	}
	return write_flame(&f, html);
}

int profile_write_svg(const struct profile *profile, int fd)
{
	return write_profile(profile, fd, false);
}

int profile_write_html(const struct profile *profile, int fd)
{
	return write_profile(profile, fd, true);
}

/* ---- differences ---- */

/* Adds the stacks of a profile, by what they are called, with their weight as *value*. */
static int join(struct profile *to, const struct profile *from, enum profile_value value)
{
	uint32_t count = from->frames.count;
	_cleanup_free_ uint32_t *frames = calloc(count + 1ul, sizeof(*frames));
	_cleanup_free_ uint32_t *path = NULL;
	struct buf label = {};
	size_t cap = 0;
	int err = frames ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < count && !err; i++) {
		struct frame frame;

		profile_get_frame(from, i, &frame);
		buf_reset(&label);
		frame_label(&label, &frame);
		buf_char(&label, '\0');
		frame = (struct frame){ .kind = frame.kind, .name = label.data };
		err = label.failed ? -ENOMEM : profile_put_frame(to, &frame, &frames[i]);
	}
	for (uint32_t i = 0; i < from->stacks.count && !err; i++) {
		const struct stack *stack = set_item(&from->stacks, i);
		const struct task *task = set_item(&from->tasks, stack->task);
		struct profile_task whose = { .comm = profile_string(from, task->comm) };
		const struct node *node = profile_node(from, stack->node);
		uint64_t values[PROFILE_VALUES] = {};
		size_t n = 0;

		values[value] = profile_weight(from, stack->values);
		for (; node->parent && !err; node = profile_node(from, node->parent)) {
			err = array_room(&path, &cap, n + 1, sizeof(*path));
			if (!err)
				path[n++] = frames[node->frame];
		}
		err = err ?: profile_put_stack(to, &whose, path, n, values);
	}
	buf_done(&label);
	return err;
}

static void put_side(struct buf *b, const char *which, const struct profile *profile)
{
	struct profile_about about = profile->about;

	buf_printf(b, "%s: ", which);
	if (about.title && *about.title) {
		text_put(b, about.title, strlen(about.title));
		buf_str(b, ", ");
	}
	put_weight(b, profile_has_time(profile),
		   profile_has_time(profile) ? add_sat(profile_total(profile, PROFILE_CPU_NS),
						       profile_total(profile, PROFILE_OFF_NS)) :
					       profile_total(profile, PROFILE_SAMPLES));
	buf_char(b, '\n');
}

int profile_write_diff(const struct profile *a, const struct profile *b, int fd, int html)
{
	struct flame f = {
		.fd = fd, .title = "difference", .diff = true, .time = profile_has_time(b)
	};
	struct profile *both;
	int err = profile_new(&both);

	if (err)
		return err;
	f.profile = both;
	err = join(both, a, PROFILE_CPU_NS);
	if (!err)
		err = join(both, b, PROFILE_OFF_NS);
	put_side(&f.lines, "before", a);
	put_side(&f.lines, "after", b);
	buf_str(&f.lines,
		"red and +: a larger share of all than before; blue and \xe2\x88\x92: a smaller "
		"one; widths are of what is after\n");
	if (!err)
		err = write_flame(&f, html);
	else
		buf_done(&f.lines);
	profile_free(both);
	return err;
}

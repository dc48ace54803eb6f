/* SPDX-License-Identifier: MIT */
#include "core/tokens_table.h"

#include "core/tokens.h"
#include "core/wire.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* --- tokenizers --- */

/* o200k; GPT, and whoever is not known better. */
static const struct tokens_text o200k = { 99, 20, 158, 3, 111, 71, 20, 45, 110,
	116, 38, 40, 126, 79 };
/* Llama 3; near to it are Mistral's tekken and GLM. */
static const struct tokens_text llama = { 100, 21, 152, 3, 129, 71, 12, 37, 115,
	132, 42, 64, 78, 82 };
static const struct tokens_text deepseek = { 102, 37, 141, 3, 130, 87, 10, 12,
	91, 148, 46, 60, 136, 76 };
static const struct tokens_text qwen = { 100, 18, 126, 1, 141, 70, 15, 45, 113,
	180, 47, 72, 392, 82 };
/* Gemma 3, which Gemini's recorded usages agree with. */
static const struct tokens_text gemma = { 102, 7, 106, 1, 125, 107, 4, 97, 90,
	121, 35, 31, 124, 65 };
/* Measured on recordings; other scripts between o200k and Claude 2. */
static const struct tokens_text claude = { 104, 20, 150, 3, 110, 100, 20, 80,
	60, 140, 55, 110, 140, 95 };
/* Its successor makes up to 1.35 times as many of the same text. */
static const struct tokens_text claude_5 = { 115, 20, 200, 3, 130, 105, 25, 80,
	60, 160, 60, 120, 160, 105 };

/* --- frames --- */

/* Of each system, user and assistant message; of each call and result. */
#define TURNS(s, u, a) .system = s, .user = u, .answer = a
#define CALLS(c, r)    .call = c, .result = r
/* Around all tools, around each, and percent of the JSON that each is. */
#define JSON_TOOLS(t, n, j) .tools = t, .tool = n, .tool_json = j

/*
 * OpenAI's models see tools as a namespace of TypeScript: names, comments and
 * a few marks for each.  Measured on recordings, as are the rows without a
 * source.
 */
#define TYPESCRIPT(t)                                                          \
	.tools = t, .tool = 4, .property = 7, CALLS(8, 4), .schema = 20,       \
	.schema_property = 10
/* Reasoning models; thoughts are sealed, in some 800 bytes of envelope. */
#define REASONING                                                              \
	.base = 2, TURNS(4, 4, 6), .sealed = true, .signature = 12,            \
	.unsigned_bytes = 800

static const struct tokens_frame gpt = { TURNS(4, 4, 4), .base = 3,
	TYPESCRIPT(14) };
static const struct tokens_frame gpt_5 = { REASONING, TYPESCRIPT(14),
	.kept = TOKENS_KEPT_IN_TURN };
static const struct tokens_frame gpt_5_chat = { REASONING, TYPESCRIPT(95) };
static const struct tokens_frame gpt_5_6 = { REASONING, TYPESCRIPT(14),
	.kept = TOKENS_KEPT_ALWAYS };
/* Harmony's system message stands before any of the request. */
static const struct tokens_frame gpt_oss = { TURNS(5, 4, 4), .base = 66,
	TYPESCRIPT(50), .json = 28 };

/*
 * Claude's prompt for tools by model and tool_choice is documented ("Tool use
 * with Claude", Pricing, 2026); the rest is measured.
 */
#define CLAUDE(t, f)                                                           \
	.base = 3, TURNS(0, 4, 4), JSON_TOOLS(t, 0, 135), .forced = f,         \
	CALLS(25, 25), .schema = 90, .schema_json = 130, .document = 45,       \
	.kept = TOKENS_KEPT_IN_TURN

static const struct tokens_frame claude_3_5 = { CLAUDE(264, 91),
	.thinking = 29 };
static const struct tokens_frame claude_4 = { CLAUDE(313, 2), .thinking = 29 };
static const struct tokens_frame claude_4_5 = { CLAUDE(496, 92),
	.thinking = 29 };
static const struct tokens_frame claude_4_7 = { CLAUDE(675, 129),
	.thinking = 20 };
static const struct tokens_frame claude_4_8 = { CLAUDE(290, 120),
	.thinking = 20 };
static const struct tokens_frame claude_sonnet_5 = { CLAUDE(354, 120),
	.thinking = 20 };

/* Gemini: an answer's schema is enforced, not read. */
#define GEMINI .schema_free = true, .kept = TOKENS_KEPT_ALWAYS
#define SIGNED .signature = 17, .unsigned_bytes = 200

static const struct tokens_frame gemini_2 = { GEMINI, .property = 2,
	.signature = 10 };
static const struct tokens_frame gemini_vertex_3 = { GEMINI, .property = 2 };
static const struct tokens_frame gemini_2_5 = { GEMINI, TURNS(1, 1, 1),
	.tool = 18, .property = 9, CALLS(6, 6), SIGNED };
static const struct tokens_frame gemini_3 = { GEMINI, TURNS(1, 1, 1),
	.tool = 14, .property = 20, CALLS(8, 8), SIGNED };

/* xAI puts a prompt of its own in front. */
static const struct tokens_frame grok = { TURNS(3, 3, 3), .base = 150,
	JSON_TOOLS(155, 0, 90), CALLS(20, 10) };
static const struct tokens_frame grok_3 = { TURNS(3, 3, 3), .base = 110,
	JSON_TOOLS(115, 0, 90), CALLS(20, 6) };
static const struct tokens_frame grok_4 = { TURNS(3, 3, 3), .base = 680,
	JSON_TOOLS(155, 0, 90), CALLS(20, 10) };
static const struct tokens_frame grok_code = { TURNS(0, 0, 3), .base = 204,
	JSON_TOOLS(131, 0, 90), CALLS(20, 10), .kept = TOKENS_KEPT_IN_TURN };

/*
 * Open models find tools as JSON in the prompt.  Around it stand the words of
 * the chat template (tokenizer_config.json) of Llama 3.1 and Qwen 3; the other
 * rows are measured.
 */
#define THINKS .kept = TOKENS_KEPT_IN_TURN, .tags = true
#define GLM    TURNS(1, 1, 2), JSON_TOOLS(88, 20, 100), CALLS(5, 4), THINKS
#define CHATML .base = 4, TURNS(4, 4, 4), CALLS(20, 8), .tags = true

static const struct tokens_frame kimi = { TURNS(4, 4, 4), .base = 3,
	JSON_TOOLS(22, 14, 100), CALLS(24, 5), .kept = TOKENS_KEPT_IN_TURN };
static const struct tokens_frame kimi_2_5 = { TURNS(4, 4, 4), .base = 4,
	JSON_TOOLS(15, 0, 70), CALLS(10, 5) };
static const struct tokens_frame glm = { .base = 4, GLM };
static const struct tokens_frame glm_5_2 = { .base = 11, GLM };
static const struct tokens_frame deepseek_3 = { TURNS(1, 1, 2), .base = 3,
	JSON_TOOLS(90, 0, 100), CALLS(20, 8), THINKS };
static const struct tokens_frame deepseek_4 = { TURNS(1, 2, 2), .base = 80,
	JSON_TOOLS(220, 0, 100), CALLS(25, 10), THINKS };
static const struct tokens_frame llama_3 = { TURNS(4, 4, 4), .base = 30,
	JSON_TOOLS(60, 18, 130), CALLS(10, 5) };
static const struct tokens_frame llama_4 = { TURNS(4, 4, 4), .base = 5,
	JSON_TOOLS(620, 0, 100), CALLS(10, 5) };
static const struct tokens_frame qwen_3 = { CHATML, JSON_TOOLS(80, 18, 100),
	.schema = 80, .schema_json = 100 };
static const struct tokens_frame qwen_coder = { CHATML,
	JSON_TOOLS(250, 0, 100) };
static const struct tokens_frame mistral = { TURNS(2, 2, 1), .base = 1,
	JSON_TOOLS(4, 20, 90), CALLS(12, 10), .thinking = 12,
	.kept = TOKENS_KEPT_ALWAYS };

/* --- images and documents --- */

/*
 * OpenAI, "Images and vision", 2026: tiles of 512 px after shrinking to 2048
 * and 768 px, or patches of 32 px with a multiplier.  A page of a PDF is its
 * text and an image ("File inputs").
 */
#define CELLS(s, e) .side = s, .each = e
#define TILES(b, t)                                                            \
	{                                                                      \
		.base = b, .side = 512, .each = 100 * (t), .most_long = 2048,  \
		.most_short = 768, .low = b, .audio = 10                       \
	}
#define PATCHES(e, l, n, h)                                                    \
	{                                                                      \
		.side = 32, .each = e, .most_long = l, .most_cells = n,        \
		.most_high = h, .low = -1, .whole = true, .audio = 10          \
	}
static const struct tokens_image tiles_4o = TILES(85, 170);
static const struct tokens_image tiles_4o_mini = TILES(2833, 5667);
static const struct tokens_image tiles_o = TILES(75, 150);
static const struct tokens_image tiles_5 = TILES(70, 140);
static const struct tokens_image tiles_use = TILES(65, 129);
static const struct tokens_image tiles_image = { CELLS(512, 12900), .base = 65,
	.most_short = 512, .low = 65, .audio = 10 };
static const struct tokens_image patches = PATCHES(100, 2048, 1536, 0);
static const struct tokens_image patches_mini = PATCHES(162, 2048, 1536, 0);
static const struct tokens_image patches_nano = PATCHES(246, 2048, 1536, 0);
static const struct tokens_image patches_o4 = PATCHES(172, 2048, 1536, 0);
static const struct tokens_image patches_5_4 = PATCHES(100, 2048, 2500, 0);
static const struct tokens_image patches_5_5 = PATCHES(100, 6000, 10000, 2500);
static const struct tokens_image patches_5_6 = PATCHES(120, 0, 0, 2500);

/* Anthropic, "Vision", 2026: 28 px; Claude 4.7 and later read larger ones. */
static const struct tokens_image claude_image = { CELLS(28, 100),
	.most_long = 1568, .most_cells = 1568, .audio = 10 };
static const struct tokens_image claude_sharp = { CELLS(28, 100),
	.most_long = 2576, .most_cells = 4784, .audio = 10 };

/*
 * Google, "Image understanding" and "Understand and count tokens": 258 for
 * each crop and each page; "Media resolution": what Gemini 3 takes if nothing
 * is asked for, a video at a frame a second and its sound.
 */
static const struct tokens_image gemini_crops = { CELLS(768, 25800),
	.crop = true, .page = 258, .audio = 32, .video = 263 };
static const struct tokens_image gemini_fixed = {
	.base = 1120, .page = 560, .audio = 32, .video = 70 + 32
};

/* xAI says 256 to 1,792: taken as 448 px each, and one for the whole. */
static const struct tokens_image grok_image = { CELLS(448, 25600), .base = 256,
	.most_cells = 6, .audio = 10 };
/* As the image processors of the open models cut; recordings agree. */
static const struct tokens_image llama_image = { CELLS(336, 14500), .base = 145,
	.most_cells = 16, .audio = 10 };
static const struct tokens_image pixtral_image = { CELLS(16, 100),
	.most_long = 1024, .audio = 10 };
static const struct tokens_image mistral_image = { CELLS(28, 100),
	.most_long = 1540, .audio = 10 };
static const struct tokens_image qwen_image = { CELLS(28, 100),
	.most_cells = 16384, .audio = 10 };

/* --- models --- */

#define CHAT WIRE_OPENAI_CHAT

static const struct tokens_model models[] = {
	/* Vertex counts as Gemini 2 did */
	{ { "vertex", "gemini-3" }, 0, &gemma, &gemini_vertex_3,
	    &gemini_fixed },
	{ { "vertex", "gemini" }, 0, &gemma, &gemini_2, &gemini_crops },
	{ { "gemini-1.5", NULL }, 0, &gemma, &gemini_2, &gemini_crops },
	{ { "gemini-2.0", NULL }, 0, &gemma, &gemini_2, &gemini_crops },
	{ { "gemini-2.5", NULL }, 0, &gemma, &gemini_2_5, &gemini_crops },
	{ { "gemini", NULL }, 0, &gemma, &gemini_3, &gemini_fixed },

	/* "claude-opus-4-8", at brokers "claude-4.8-opus" */
	{ { "claude", "4-8" }, 0, &claude_5, &claude_4_8, &claude_sharp },
	{ { "claude", "4.8" }, 0, &claude_5, &claude_4_8, &claude_sharp },
	{ { "claude", "4-7" }, 0, &claude_5, &claude_4_7, &claude_sharp },
	{ { "claude", "4.7" }, 0, &claude_5, &claude_4_7, &claude_sharp },
	{ { "claude", "4-6" }, 0, &claude, &claude_4_5, &claude_image },
	{ { "claude", "4.6" }, 0, &claude, &claude_4_5, &claude_image },
	{ { "claude", "4-5" }, 0, &claude, &claude_4_5, &claude_image },
	{ { "claude", "4.5" }, 0, &claude, &claude_4_5, &claude_image },
	{ { "claude-3", "5-haiku" }, 0, &claude, &claude_3_5, &claude_image },
	{ { "claude-3", NULL }, 0, &claude, &claude_4, &claude_image },
	{ { "claude", "-4" }, 0, &claude, &claude_4, &claude_image },
	{ { "claude", NULL }, 0, &claude_5, &claude_sonnet_5, &claude_sharp },

	{ { "gpt-oss", NULL }, 0, &o200k, &gpt_oss, &patches },
	{ { "gpt-6", NULL }, 0, &o200k, &gpt_5_6, &patches_5_6 },
	{ { "gpt-5.6", NULL }, 0, &o200k, &gpt_5_6, &patches_5_6 },
	{ { "gpt-5.5", NULL }, 0, &o200k, &gpt_5, &patches_5_5 },
	/* the Chat API adds more around tools, but not through a broker */
	{ { "openai/gpt-5", "mini" }, 0, &o200k, &gpt_5, &patches_mini },
	{ { "openai/gpt-5", "nano" }, 0, &o200k, &gpt_5, &patches_nano },
	{ { "openai/gpt-5.4", NULL }, 0, &o200k, &gpt_5, &patches_5_4 },
	{ { "openai/gpt-5.", NULL }, 0, &o200k, &gpt_5, &patches },
	{ { "openai/gpt-5", NULL }, 0, &o200k, &gpt_5, &tiles_5 },
	{ { "gpt-5", "mini" }, CHAT, &o200k, &gpt_5_chat, &patches_mini },
	{ { "gpt-5", "nano" }, CHAT, &o200k, &gpt_5_chat, &patches_nano },
	{ { "gpt-5.4", NULL }, CHAT, &o200k, &gpt_5_chat, &patches_5_4 },
	{ { "gpt-5.", NULL }, CHAT, &o200k, &gpt_5_chat, &patches },
	{ { "gpt-5", NULL }, CHAT, &o200k, &gpt_5_chat, &tiles_5 },
	{ { "gpt-5", "mini" }, 0, &o200k, &gpt_5, &patches_mini },
	{ { "gpt-5", "nano" }, 0, &o200k, &gpt_5, &patches_nano },
	{ { "gpt-5.4", NULL }, 0, &o200k, &gpt_5, &patches_5_4 },
	{ { "gpt-5.", NULL }, 0, &o200k, &gpt_5, &patches },
	{ { "gpt-5", "codex" }, 0, &o200k, &gpt_5, &patches },
	{ { "gpt-5", NULL }, 0, &o200k, &gpt_5, &tiles_5 },
	{ { "gpt-4o-mini", NULL }, 0, &o200k, &gpt, &tiles_4o_mini },
	{ { "gpt-4.1-mini", NULL }, 0, &o200k, &gpt, &patches_mini },
	{ { "gpt-4.1-nano", NULL }, 0, &o200k, &gpt, &patches_nano },
	{ { "computer-use", NULL }, 0, &o200k, &gpt, &tiles_use },
	{ { "gpt-image", NULL }, 0, &o200k, &gpt, &tiles_image },
	{ { "gpt", NULL }, 0, &o200k, &gpt, &tiles_4o },

	{ { "grok-code", NULL }, 0, &o200k, &grok_code, &grok_image },
	{ { "grok-3", NULL }, 0, &o200k, &grok_3, &grok_image },
	{ { "grok-4-fast", NULL }, 0, &o200k, &grok, &grok_image },
	{ { "grok-4-1", NULL }, 0, &o200k, &grok, &grok_image },
	{ { "grok-4.", NULL }, 0, &o200k, &grok, &grok_image },
	{ { "grok-4", NULL }, 0, &o200k, &grok_4, &grok_image },
	{ { "grok", NULL }, 0, &o200k, &grok, &grok_image },

	{ { "kimi-k2.5", NULL }, 0, &o200k, &kimi_2_5, &qwen_image },
	{ { "kimi", NULL }, 0, &o200k, &kimi, &qwen_image },
	{ { "glm-5.2", NULL }, 0, &llama, &glm_5_2, &qwen_image },
	{ { "glm-5.3", NULL }, 0, &llama, &glm_5_2, &qwen_image },
	{ { "glm", NULL }, 0, &llama, &glm, &qwen_image },
	{ { "deepseek-v4", NULL }, 0, &deepseek, &deepseek_4, &qwen_image },
	{ { "deepseek", NULL }, 0, &deepseek, &deepseek_3, &qwen_image },
	{ { "llama-4", NULL }, 0, &llama, &llama_4, &llama_image },
	{ { "llama", NULL }, 0, &llama, &llama_3, &llama_image },
	{ { "qwen", "coder" }, 0, &qwen, &qwen_coder, &qwen_image },
	{ { "qwen", NULL }, 0, &qwen, &qwen_3, &qwen_image },
	{ { "pixtral", NULL }, 0, &llama, &mistral, &pixtral_image },
	{ { "mistral", NULL }, 0, &llama, &mistral, &mistral_image },
	{ { "magistral", NULL }, 0, &llama, &mistral, &mistral_image },
	{ { "ministral", NULL }, 0, &llama, &mistral, &mistral_image },

	/* so short that they stand in other names too */
	{ { "o4-mini", NULL }, 0, &o200k, &gpt_5, &patches_o4 },
	{ { "o3", NULL }, 0, &o200k, &gpt_5, &tiles_o },
	{ { "o1", NULL }, 0, &o200k, &gpt_5, &tiles_o },

	/* nothing in the name */
	{ { "", NULL }, WIRE_GEMINI, &gemma, &gemini_3, &gemini_fixed },
	{ { "", NULL }, WIRE_ANTHROPIC, &claude, &claude_4_5, &claude_image },
	{ { "", NULL }, 0, &o200k, &gpt, &tiles_4o },
};

_Static_assert(COUNT(models) <= TOKENS_FAMILIES, "TOKENS_FAMILIES");

const struct tokens_model *
tokens_table(int *n)
{
	*n = COUNT(models);
	return models;
}

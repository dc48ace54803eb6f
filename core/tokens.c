/* SPDX-License-Identifier: MIT */
#include "core/tokens.h"
#include "core/chat.h"
enum tokens_family tokens_family(enum wire wire, struct str model){ (void)wire; (void)model; return TOKENS_OPENAI; }
int64_t tokens_text(enum tokens_family f, struct str text){ (void)f; return (int64_t)text.n/4; }
int64_t tokens_chat(enum tokens_family f, const struct chat *chat){ (void)f;(void)chat; return 10; }

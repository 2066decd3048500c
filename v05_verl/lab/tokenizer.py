# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""One token per character, in a form that transformers, vLLM and verl all load as Qwen2's byte-level tokenizer."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

PAD, EOS = "<|endoftext|>", "<|im_end|>"
ALPHABET = "0123456789=+-*%?<>|:ab"
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<|im_end|>\n{% endif %}{% endfor %}"
)


def build_tokenizer(alphabet: Iterable[str] | None = ALPHABET) -> PreTrainedTokenizerFast:
    """Byte-level BPE without merges.

    AutoTokenizer turns the tokenizer of any qwen2 model into the byte-level one, so that a plain word-level tokenizer
    would not survive loading; and verl needs a newline and <|im_end|> to be single tokens.

    Args:
        alphabet: the characters to know, besides space and newline; others are dropped when text is encoded.
            None: every byte, so that any text can be encoded.
    """
    byte_symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    if alphabet is not None:
        pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        known = "".join(alphabet) + " \n"
        byte_symbols = list(dict.fromkeys(pre_tokenizer.pre_tokenize_str(known)[0][0]))
    vocabulary = {symbol: index for index, symbol in enumerate([PAD, EOS, *byte_symbols])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=EOS, pad_token=PAD)
    fast.chat_template = CHAT_TEMPLATE
    return fast

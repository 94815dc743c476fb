//! Real programs on the broker: chat, ticker, embedded.

//! The evidence chain: each record commits to the one before it.

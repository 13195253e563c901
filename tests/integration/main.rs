//! Tests of the whole binary without an engine.

//! What the measuring program leaves behind, which only another process can see.

#![expect(clippy::unwrap_used, reason = "tests")]

mod growth;

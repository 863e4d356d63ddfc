//! How long the store takes for an organization of ten thousand keys.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use guard::adapters::store::SqliteStore;
use guard::domain::ids::{KeyId, Principal};
use guard::domain::time::{Minute, Timestamp};
use guard::domain::usage::{Billing, Tokens, UsageRow, UsageWindow};
use guard::ports::UsageStore;

const KEYS: i64 = 10_000;

/// Every key is used in every minute of the window.
fn window(from: i64, minutes: i64) -> UsageWindow {
    let start = Minute::from_epoch(29_833_260 + from);
    let row = |minute, key: i64| UsageRow {
        minute: start.plus(minute),
        principal: Principal::Key(KeyId::new(format!("apikey_{key:024}")).expect("a key id")),
        workspace: None,
        model: "claude-sonnet-4-5".to_owned(),
        billing: Billing { service_tier: Some("standard".to_owned()), ..Billing::default() },
        tokens: Tokens {
            uncached_input: 1000 + key.unsigned_abs(),
            output: 300,
            cache_read: 20_000,
            ..Tokens::default()
        },
    };
    let rows = (0..minutes).flat_map(|minute| (0..KEYS).map(move |key| row(minute, key))).collect();
    UsageWindow { from: Some(start), until: Some(start.plus(minutes)), rows }
}

fn usage(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("usage of 10,000 keys");
    group.sample_size(10);
    let fresh = || {
        let state = tempfile::tempdir().expect("a directory");
        let store = SqliteStore::open(state.path()).expect("a store");
        (state, store)
    };
    let read_at = Timestamp::UNIX_EPOCH;

    let hour = window(0, 60);
    group.bench_function("store an hour", |bencher| {
        bencher.iter_batched_ref(fresh, |(_, store)| store.replace_usage(&hour, read_at), BatchSize::PerIteration);
    });

    let (_state, store) = fresh();
    store.replace_usage(&hour, read_at).expect("stored");
    let poll = window(50, 10);
    group.bench_function("poll ten unchanged minutes", |bencher| {
        bencher.iter(|| store.replace_usage(black_box(&poll), read_at));
    });
    let mut next = 60;
    group.bench_function("store one more minute", |bencher| {
        bencher.iter_batched(
            || {
                next += 1;
                window(next, 1)
            },
            |minute| store.replace_usage(&minute, read_at),
            BatchSize::PerIteration,
        );
    });
    let principal = Principal::Key(KeyId::new(format!("apikey_{:024}", 77)).expect("a key id"));
    let (from, until) = (Minute::from_epoch(29_833_260), Minute::from_epoch(29_833_320));
    group.bench_function("read an hour of one key", |bencher| {
        bencher.iter(|| store.usage(Some(&principal), from, until));
    });
    group.finish();
}

criterion_group!(benches, usage);
criterion_main!(benches);

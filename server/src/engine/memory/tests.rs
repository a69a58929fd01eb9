//! What only the memory engine can be asked.

use std::sync::Arc;

use tautline_protocol::Start;

use super::MemoryEngine;
use crate::engine::{Bell, Engine, EngineConfig, Maker, ReadLimit};

fn bell() -> Bell {
    Bell::new(Arc::default(), 1)
}

#[tokio::test]
async fn readers_that_left_are_forgotten_even_where_nothing_is_appended() {
    let engine = MemoryEngine::new(EngineConfig::default());
    let topic = engine.topic("quiet", &Maker::Server).await.unwrap();
    let staying: Vec<_> = (0..100).map(|_| bell()).collect();
    let all = ReadLimit { entries: u64::MAX, bytes: usize::MAX };
    let start = engine.locate(&topic, Start::Last(0)).await.unwrap();
    for bell in &staying {
        engine.read_topic(&topic, start, all, bell, &mut Vec::new()).await.unwrap();
    }
    for _ in 0..10_000 {
        engine.read_topic(&topic, start, all, &bell(), &mut Vec::new()).await.unwrap();
    }
    let waiting = topic.log().waiting();
    assert!((100..=200).contains(&waiting), "{waiting} readers are remembered");
}

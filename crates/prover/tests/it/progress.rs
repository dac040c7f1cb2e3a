//! A progress bar that is told of every stage, from its start to its end.

use std::sync::Mutex;

use aep2_circuits::Shape;
use aep2_prover::{
    blinding::Blinding,
    progress::{Progress, Stage},
    prover::{Entropy, Prover},
};
use rand::{SeedableRng, rngs::StdRng};

use crate::window::{Payer, window};

/// What was reported: for each stage in order of appearance, its first and last step and total.
#[derive(Default)]
struct Reports(Mutex<Vec<(Stage, u64, u64, u64)>>);

impl Reports {
    fn take(&self, stage: Stage, done: u64, total: u64) {
        let mut all = self.0.lock().unwrap();
        match all.last_mut() {
            Some(last) if last.0 == stage => (last.2, last.3) = (done, total),
            _ => all.push((stage, done, done, total)),
        }
    }

    fn assert_complete(&self, stages: &[Stage]) {
        let all = self.0.lock().unwrap();
        let seen: Vec<Stage> = all.iter().map(|report| report.0).collect();
        assert_eq!(seen, stages, "each stage once, in order");
        for (stage, first, last, total) in all.iter() {
            assert_eq!((*first, last), (0, total), "{stage} runs from nothing to all");
            assert!(*total > 0, "{stage} has something to do");
        }
    }
}

#[test]
fn every_stage_is_reported_from_start_to_end() {
    let shape: Shape = "1x4".parse().unwrap();
    let setting_up = Reports::default();
    let watch = |stage, done, total| setting_up.take(stage, done, total);
    let prover = Prover::set_up(shape, &Entropy::Seed([1; 32]), &watch).unwrap();
    setting_up.assert_complete(&Stage::SETUP);

    let mut payer = Payer::new(1);
    let mut rng = StdRng::seed_from_u64(1);
    let valid = window(vec![payer.pay(5), payer.pay(6)]).validate(&mut rng).unwrap();
    let proving = Reports::default();
    let watch = |stage, done, total| proving.take(stage, done, total);
    let blinding = Blinding::from_bytes([5; 32]);
    prover.prove(&valid, &blinding, &mut rng, &watch).unwrap();
    proving.assert_complete(&Stage::PROVE);

    assert_eq!(Stage::SETUP_AND_PROVE, *[Stage::SETUP, Stage::PROVE].concat());
}

/// A segment that was announced, with how many there are, and the stages after it.
type Announced = (Option<(usize, usize)>, Vec<Stage>);

#[derive(Default)]
struct BySegment(Mutex<Vec<Announced>>);

impl Progress for BySegment {
    fn stage(&self, stage: Stage, _: u64, _: u64) {
        let mut all = self.0.lock().unwrap();
        if all.is_empty() {
            all.push((None, Vec::new()));
        }
        let (_, stages) = all.last_mut().unwrap();
        if stages.last() != Some(&stage) {
            stages.push(stage);
        }
    }

    fn segment(&self, index: usize, total: usize) {
        self.0.lock().unwrap().push((Some((index, total)), Vec::new()));
    }
}

#[test]
fn several_segments_are_announced_one_by_one() {
    let shape: Shape = "1x1".parse().unwrap();
    let prover = Prover::set_up(shape, &Entropy::Seed([1; 32]), &()).unwrap();
    let mut payer = Payer::new(1);
    let mut rng = StdRng::seed_from_u64(1);
    let mut announced = |mandates: usize| {
        let entries = (0..mandates).map(|_| payer.pay(5)).collect();
        let valid = window(entries).validate(&mut rng).unwrap();
        let watch = BySegment::default();
        prover.prove(&valid, &Blinding::from_bytes([5; 32]), &mut rng, &watch).unwrap();
        watch.0.into_inner().unwrap()
    };
    let stages = Stage::PROVE.to_vec();
    assert_eq!(announced(1), [(None, stages.clone())], "one alone is not announced");
    assert_eq!(announced(2), [(Some((0, 2)), stages.clone()), (Some((1, 2)), stages)]);
}

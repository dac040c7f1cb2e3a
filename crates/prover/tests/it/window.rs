//! What makes a window one that cannot be proved, and how chains become lanes, and lanes segments.

use aep2_circuits::{Shape, checker::Checker, settlement::PublicInputs};
use aep2_mandate::{
    eddsa::SecretKey,
    mandate::SignedMandate,
    signer::{MandateTerms, Released, Signer},
    units::{AccountId, Amount, Ceiling, ChainId, Nonce, UnixTime},
};
use aep2_prover::{
    arrange::{ArrangeError, Batch, SEGMENTS_MAX},
    blinding::Blinding,
    window::{Entry, Place, ValidWindow, Window, WindowError},
};
use alloy_primitives::{Address, B256};
use rand::{SeedableRng, rngs::StdRng};

const NOON: u64 = 1_800_000_000;

/// A payer that remembers what it released.
pub(crate) struct Payer {
    signer: Signer,
    account: AccountId,
    released: Option<Released>,
    nonce: u64,
}

impl Payer {
    pub(crate) fn new(account: u32) -> Self {
        Self::with_key(account, account as u8)
    }

    fn with_key(account: u32, key: u8) -> Self {
        let secret = SecretKey::from_seed([key; 32]);
        let signer = Signer::new(secret, ChainId::new(31_337), Address::repeat_byte(1));
        Self { signer, account: AccountId::new(account).unwrap(), released: None, nonce: 0 }
    }

    fn terms(&mut self, amount: u128) -> MandateTerms {
        self.nonce += 1;
        MandateTerms {
            account: self.account,
            token: Address::repeat_byte(2),
            payee: Address::repeat_byte(0x50 + (self.nonce % 3) as u8),
            amount: Ceiling::new(amount).unwrap(),
            nonce: Nonce::new(self.nonce * 50),
            deadline: UnixTime::new(NOON + self.nonce).unwrap(),
            reference: B256::repeat_byte(self.nonce as u8),
        }
    }

    /// A payment that follows the last one.
    pub(crate) fn pay(&mut self, amount: u128) -> Entry {
        let terms = self.terms(amount);
        let signed = self.signer.sign(terms, self.released.as_ref());
        self.released = Some(signed.clone().released_to_payee());
        Entry { signed, captured: None }
    }

    /// A payment like the next one, but changed before it is signed.
    fn pay_but(&mut self, change: impl FnOnce(&mut MandateTerms)) -> Entry {
        let mut terms = self.terms(100);
        change(&mut terms);
        Entry { signed: self.signer.sign(terms, None), captured: None }
    }
}

pub(crate) fn window(mandates: Vec<Entry>) -> Window {
    Window {
        chain_id: ChainId::new(31_337),
        wallet: Address::repeat_byte(1),
        token: Address::repeat_byte(2),
        valid_until: UnixTime::new(NOON).unwrap(),
        mandates,
    }
}

fn validate(mandates: Vec<Entry>) -> Result<ValidWindow, WindowError> {
    window(mandates).validate(&mut StdRng::seed_from_u64(1))
}

fn shape(text: &str) -> Shape {
    text.parse().unwrap()
}

pub(crate) fn arrange(window: &ValidWindow, shape: Shape) -> Result<Batch, ArrangeError> {
    Batch::arrange(window, shape, &Blinding::from_bytes([5; 32]))
}

fn place(entries: &[Entry], index: usize) -> Place {
    let SignedMandate { mandate, .. } = &entries[index].signed;
    let domain = aep2_mandate::mandate::Domain::new(
        ChainId::new(31_337),
        Address::repeat_byte(1),
        Address::repeat_byte(2),
    );
    Place { index, id: mandate.id(&domain) }
}

/// Six good payments of two payers, with one in their midst to go wrong.
fn with_one(bad: Entry) -> Vec<Entry> {
    let (mut ann, mut bob) = (Payer::new(1), Payer::new(2));
    vec![ann.pay(5), bob.pay(6), ann.pay(7), bad, bob.pay(8), ann.pay(9)]
}

#[test]
fn refusals_name_the_mandate() {
    let mut eve = Payer::new(3);
    eve.nonce = 10;

    assert_eq!(validate(vec![]).unwrap_err(), WindowError::Empty);

    let other = Address::repeat_byte(9);
    let entries = with_one(eve.pay_but(|terms| terms.token = other));
    let (place_3, expected) = (place(&entries, 3), Address::repeat_byte(2));
    let refused = validate(entries).unwrap_err();
    assert_eq!(refused, WindowError::OtherToken { place: place_3, expected, found: other });

    let deadline = UnixTime::new(NOON - 1).unwrap();
    let entries = with_one(eve.pay_but(|terms| terms.deadline = deadline));
    let (place_3, valid_until) = (place(&entries, 3), UnixTime::new(NOON).unwrap());
    let refused = validate(entries).unwrap_err();
    assert_eq!(refused, WindowError::Expired { place: place_3, deadline, valid_until });
    assert!(refused.to_string().starts_with(&format!("mandate 3 ({})", place_3.id)));

    let mut entries = with_one(eve.pay(100));
    let captured = Amount::new(101).unwrap();
    entries[3].captured = Some(captured);
    let (place_3, amount) = (place(&entries, 3), Amount::new(100).unwrap());
    let refused = validate(entries).unwrap_err();
    assert_eq!(refused, WindowError::OverCaptured { place: place_3, captured, amount });

    let entries = with_one(Payer::new(2).pay_but(|terms| terms.payee = other));
    let (place_3, first) = (place(&entries, 3), place(&entries, 1));
    let refused = validate(entries).unwrap_err();
    let (account, nonce) = (AccountId::new(2).unwrap(), Nonce::new(50));
    assert_eq!(refused, WindowError::NonceTwice { place: place_3, first, account, nonce });

    let mut second_key = Payer::with_key(2, 77);
    second_key.nonce = 10;
    let entries = with_one(second_key.pay(5));
    let (place_3, first) = (place(&entries, 3), place(&entries, 1));
    let refused = validate(entries).unwrap_err();
    assert_eq!(refused, WindowError::TwoKeys { place: place_3, first, account });

    let mut entries = with_one(eve.pay(100));
    entries[3].signed.signature = entries[2].signed.signature;
    let place_3 = place(&entries, 3);
    let refused = validate(entries).unwrap_err();
    assert_eq!(refused, WindowError::BadSignature { place: place_3 });

    // Signed for another chain: the very same terms give another id.
    let mut entries = with_one(eve.pay(100));
    let elsewhere =
        Signer::new(SecretKey::from_seed([3; 32]), ChainId::new(1), Address::repeat_byte(1));
    let terms = eve.terms(100);
    entries[3].signed = elsewhere.sign(terms, None);
    let place_3 = place(&entries, 3);
    let refused = validate(entries).unwrap_err();
    assert_eq!(refused, WindowError::BadSignature { place: place_3 });
}

#[test]
fn a_window_takes_as_many_segments_as_it_needs() {
    let mut payer = Payer::new(1);
    let entries: Vec<Entry> = (0..5).map(|_| payer.pay(1)).collect();
    let valid = validate(entries).unwrap();
    assert_eq!(valid.lanes_needed(4), 2);
    for (shape_of, segments) in [("1x4", 2), ("2x4", 1), ("1x5", 1), ("1x2", 3), ("2x2", 2)] {
        let shape = shape(shape_of);
        assert_eq!(valid.segments_needed(shape), segments, "{shape}");
        assert_eq!(arrange(&valid, shape).unwrap().segments.len(), segments, "{shape}");
    }
}

#[test]
fn a_window_too_large_for_all_segments_names_the_first_left_over() {
    let mut payer = Payer::new(1);
    let mut entries: Vec<Entry> = (0..SEGMENTS_MAX).map(|_| payer.pay(1)).collect();
    let full = arrange(&validate(entries.clone()).unwrap(), shape("1x1")).unwrap();
    assert_eq!(full.segments.len(), SEGMENTS_MAX);
    entries.push(payer.pay(1));
    let left_over = place(&entries, SEGMENTS_MAX);
    let valid = validate(entries).unwrap();
    let too_many =
        WindowError::TooMany { place: left_over, lanes: SEGMENTS_MAX + 1, shape: shape("1x1") };
    let refused = arrange(&valid, shape("1x1")).unwrap_err();
    assert_eq!(refused, ArrangeError::Window(too_many));
    assert!(arrange(&valid, shape("2x1")).is_ok());
    assert!(arrange(&valid, shape("1x2")).is_ok());
}

#[test]
fn a_partial_capture_needs_a_shape_with_capture() {
    let mut payer = Payer::new(1);
    let mut entries = vec![payer.pay(10), payer.pay(10)];
    entries[1].captured = Some(Amount::new(9).unwrap());
    let second = place(&entries, 1);
    let valid = validate(entries).unwrap();
    assert!(valid.needs_capture());
    let refused = arrange(&valid, shape("1x4")).unwrap_err();
    let needs = WindowError::NeedsCapture { place: second, shape: shape("1x4") };
    assert_eq!(refused, ArrangeError::Window(needs));
    let batch = arrange(&valid, shape("1x4-capture")).unwrap();
    assert_eq!(batch.settlement.debits.iter().map(|debit| debit.amount).sum::<u128>(), 19);
}

/// Whatever the window, what is arranged are true statements, to twin and circuit: the lanes of the
/// segments.
fn segments(entries: Vec<Entry>, shape: Shape) -> Vec<Vec<Vec<usize>>> {
    let batch = arrange(&validate(entries).unwrap(), shape).unwrap();
    for segment in &batch.segments {
        assert_eq!(segment.statement.check(), Ok(()));
        assert!(Checker::satisfied(&segment.statement));
    }
    let PublicInputs { x, beta, .. } = batch.segments[0].statement.public;
    let sums = batch.segments.iter().map(|segment| segment.statement.public.sum);
    assert_eq!(batch.settlement.sum(&batch.named(), x, beta), Ok(sums.sum()));
    batch.segments.into_iter().map(|segment| segment.lanes).collect()
}

fn arranged(entries: Vec<Entry>, shape: Shape) -> Vec<Vec<usize>> {
    segments(entries, shape).concat()
}

#[test]
fn lanes_fill_one_segment_after_the_other() {
    let (mut ann, mut bob) = (Payer::new(1), Payer::new(2));
    let mut entries: Vec<Entry> = (0..5).map(|_| ann.pay(1)).collect();
    entries.extend((0..3).map(|_| bob.pay(2)));
    let expected = [vec![vec![0, 1], vec![2, 3]], vec![vec![4], vec![5, 6]], vec![vec![7]]];
    assert_eq!(segments(entries.clone(), shape("2x2")), expected);
    let expected = [vec![vec![0, 1], vec![2, 3], vec![4]], vec![vec![5, 6], vec![7]]];
    assert_eq!(segments(entries, shape("3x2-capture")), expected);
}

#[test]
fn chains_become_lanes() {
    let (mut ann, mut bob) = (Payer::new(1), Payer::new(2));
    // Interleaved, and longer than a lane: cut, and short lanes padded.
    let entries = vec![ann.pay(1), bob.pay(2), ann.pay(3), ann.pay(4), bob.pay(5)];
    assert_eq!(arranged(entries, shape("4x2")), [vec![0, 2], vec![3], vec![1, 4]]);
}

#[test]
fn a_chain_is_cut_where_a_link_is_missing() {
    let mut ann = Payer::new(1);
    let mut entries: Vec<Entry> = (0..5).map(|_| ann.pay(1)).collect();
    entries.remove(2);
    assert_eq!(arranged(entries, shape("2x4")), [vec![0, 1], vec![2, 3]]);
}

#[test]
fn two_mandates_that_follow_the_same_one_both_settle() {
    let mut ann = Payer::new(1);
    let first = ann.pay(1);
    let (released, nonce) = (ann.released.clone(), ann.nonce);
    let second = ann.pay(2);
    let mut fork = Payer::new(1);
    (fork.released, fork.nonce) = (released, nonce + 5);
    let other = fork.pay(3);
    let last = fork.pay(4);
    assert_eq!(arranged(vec![first, second, other, last], shape("3x4")), [vec![0, 1], vec![2, 3]]);
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let mut ann = Payer::new(1);
    let mut entries: Vec<Entry> = (0..4).map(|_| ann.pay(1)).collect();
    entries.reverse();
    assert_eq!(arranged(entries, shape("1x4")), [vec![3, 2, 1, 0]]);
}

#[test]
fn json_round_trips_and_is_strict() {
    let mut ann = Payer::new(1);
    let mut whole = window(vec![ann.pay(1), ann.pay(2)]);
    whole.mandates[1].captured = Some(Amount::ZERO);
    let text = serde_json::to_string(&whole).unwrap();
    let read: Window = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    assert_eq!(read.mandates[0].captured, None);
    assert_eq!(read.mandates[1].captured, Some(Amount::ZERO));

    for (from, to) in [
        ("\"captured\":\"0\"", "\"captured\":0"),
        ("\"captured\":\"0\"", "\"captured\":null"),
        ("\"wallet\":\"0x", "\"wallet\":\""),
        ("\"captured\":\"0\"", "\"captured\":\"-1\""),
        ("\"captured\":\"0\"", "\"captured\":\"0\",\"captured\":\"0\""),
        ("\"captured\":\"0\"", "\"capture\":\"0\""),
        ("\"validUntil\"", "\"valid_until\""),
        ("\"account\":1,", ""),
    ] {
        assert!(text.contains(from), "{from}");
        let altered = text.replace(from, to);
        assert!(serde_json::from_str::<Window>(&altered).is_err(), "{to}");
    }
}

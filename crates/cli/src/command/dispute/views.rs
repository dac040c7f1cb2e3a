//! How disputes look to people. What parties wrote is shown without characters that drive terminals.

use aep2_mandate::{
    typed_data::{dispute::Evidence, keyed::AnySigned},
    units::UnixTime,
    wire::Strict,
};
use aep2_processor_client::dispute_view::DisputeView;

use crate::command::rows;

/// A dispute, in full.
pub(super) fn whole(view: &DisputeView) -> String {
    let (mandate, dispute) = (&view.mandate.mandate, view.dispute.message());
    let arbiter = view.terms.arbiter();
    let mut lines = vec![
        ("mandate", view.mandate_id.0.to_string()),
        ("status", view.status.name().to_owned()),
        ("reason", dispute.reason.name().to_owned()),
        ("amount", format!("{} of {}, {} due", mandate.amount, mandate.token, view.due)),
        ("payee", mandate.payee.to_string()),
        ("arbiter", arbiter.to_string()),
        ("opened", time(view.opened_at)),
        ("decide by", time(view.decide_by)),
        ("payer says", plain(&dispute.text)),
    ];
    lines.extend(pieces(&dispute.evidence, view));
    if let Some(agents) = view.agents_dispute.as_ref().map(AnySigned::message) {
        lines.push(("its agent said", plain(&agents.text)));
        lines.extend(pieces(&agents.evidence, view));
    }
    match &view.answer {
        None => lines.push(("payee says", "nothing yet".to_owned())),
        Some(answer) => {
            let answer = &answer.message;
            lines.push(("payee asks for", answer.captured.to_string()));
            lines.push(("payee says", plain(&answer.text)));
            lines.extend(pieces(&answer.evidence, view));
        }
    }
    if let Some(ruling) = &view.ruling {
        lines.push(("ruled", format!("the payee gets {}", ruling.message.captured)));
    }
    rows(&lines)
}

/// A dispute on one line.
pub(super) fn line(view: &DisputeView) -> String {
    let reason = view.dispute.message().reason.name();
    format!(
        "{}  {:6}  {:22}  due {}, decide by {}",
        view.mandate_id.0,
        view.status.name(),
        reason,
        view.due,
        time(view.decide_by)
    )
}

fn pieces(pieces: &[Evidence], view: &DisputeView) -> Vec<(&'static str, String)> {
    let is_there = |piece: &Evidence| view.evidence.iter().any(|Strict(own)| *own == piece.hash);
    let one = |piece: &Evidence| {
        let missing = if is_there(piece) { "" } else { ", not handed in" };
        let text = format!("{} ({} bytes{missing})", piece.hash, piece.size);
        ("evidence", text)
    };
    pieces.iter().map(one).collect()
}

/// A time, in UTC.
fn time(at: UnixTime) -> String {
    let seconds = i64::try_from(at.get()).ok();
    let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| at.to_string(), |time| time.to_string())
}

/// Words of others, as a terminal may have them.
fn plain(text: &str) -> String {
    text.chars().filter(|c| is_harmless(*c)).collect()
}

/// Whether words of others can be shown by a terminal as they are.
pub(super) fn is_plain(text: &str) -> bool {
    text.chars().all(is_harmless)
}

fn is_harmless(c: char) -> bool {
    c == '\n' || !(c.is_control() || is_reordering(c))
}

/// Characters that change in which order others are shown.
fn is_reordering(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_party_wrote_cannot_drive_the_terminal() {
        let text = "a\u{1b}[2Jb\r\u{202e}c\nd é";
        assert_eq!(plain(text), "a[2Jbc\nd é");
        assert!(!is_plain(text) && is_plain(&plain(text)));
    }
}

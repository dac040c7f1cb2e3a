//! The report's pictures, as SVG to be put into a page.

use std::ops::Range;

use plotters::{coord::Shift, prelude::*};

use super::outcome::{Batch, Outcome};

type Drawing<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = anyhow::Result<()>;

const WIDTH: u32 = 640;
const HEIGHT: u32 = 280;

const INK: RGBColor = RGBColor(0x33, 0x3f, 0x4e);
const FAINT: RGBColor = RGBColor(0xe3, 0xe7, 0xec);
const ACCEPTED: RGBColor = RGBColor(0x2f, 0x6f, 0xde);
const SETTLED: RGBColor = RGBColor(0x1f, 0x9d, 0x6b);
const PROVING: RGBColor = RGBColor(0xd9, 0x8a, 0x1f);
const WAITING: RGBColor = RGBColor(0xb8, 0xc2, 0xcf);

/// Mandates accepted and settled, over time.
pub(super) fn life(outcome: &Outcome) -> anyhow::Result<String> {
    let mut accepted: Vec<f64> = outcome.payments.iter().map(|own| own.accepted_at_s).collect();
    let mut settled: Vec<f64> = outcome.payments.iter().map(|own| own.settled_at_s).collect();
    accepted.sort_by(f64::total_cmp);
    settled.sort_by(f64::total_cmp);
    let end = settled.last().copied().unwrap_or(1.0);
    draw(HEIGHT, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(48)
            .build_cartesian_2d(0.0..end * 1.03, 0.0..outcome.payments.len() as f64 * 1.08)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(FAINT)
            .axis_style(INK)
            .label_style(label())
            .x_desc("seconds")
            .x_label_formatter(&whole)
            .y_label_formatter(&whole)
            .y_desc("mandates")
            .draw()?;
        for (name, times, colour) in
            [("accepted", accepted, ACCEPTED), ("settled", settled, SETTLED)]
        {
            chart
                .draw_series(LineSeries::new(steps(&times, end), colour.stroke_width(2)))?
                .label(name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2))
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .border_style(TRANSPARENT)
            .background_style(WHITE.mix(0.8))
            .label_font(label())
            .draw()?;
        Ok(())
    })
}

/// A staircase: one step up at each time.
fn steps(times: &[f64], end: f64) -> Vec<(f64, f64)> {
    let mut points = vec![(0.0, 0.0)];
    for (before, time) in times.iter().enumerate() {
        points.push((*time, before as f64));
        points.push((*time, before as f64 + 1.0));
    }
    points.push((end * 1.03, times.len() as f64));
    points
}

/// How long payers waited for their answers.
pub(super) fn answers(outcome: &Outcome) -> anyhow::Result<String> {
    const BINS: usize = 24;
    let times: Vec<f64> = outcome.payments.iter().map(|own| own.answered_ms).collect();
    let longest = times.iter().copied().fold(1.0, f64::max) * 1.001;
    let width = longest / BINS as f64;
    let mut counts = [0usize; BINS];
    for time in times {
        counts[((time / width) as usize).min(BINS - 1)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(1) as f64;
    draw(HEIGHT, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(48)
            .build_cartesian_2d(0.0..longest, 0.0..most * 1.08)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(FAINT)
            .axis_style(INK)
            .label_style(label())
            .x_desc("milliseconds from the first request to the answer")
            .x_label_formatter(&whole)
            .y_label_formatter(&whole)
            .y_desc("calls")
            .draw()?;
        chart.draw_series(counts.iter().enumerate().map(|(bin, count)| {
            let left = bin as f64 * width;
            bar(left + width * 0.06..left + width * 0.94, *count as f64, ACCEPTED)
        }))?;
        Ok(())
    })
}

/// What a mandate costs in a batch, and alone.
pub(super) fn gas(outcome: &Outcome) -> anyhow::Result<String> {
    let bars = [
        ("one at a time", outcome.gas_one_at_a_time, WAITING),
        ("in these batches", outcome.gas_per_mandate(), SETTLED),
    ];
    let most = bars.iter().map(|(_, gas, _)| *gas).fold(1.0, f64::max);
    draw(150, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .build_cartesian_2d(-most * 0.24..most * 1.18, 0.0..bars.len() as f64)?;
        for (index, (name, gas, colour)) in bars.iter().enumerate() {
            let at = (bars.len() - 1 - index) as f64;
            chart.draw_series([Rectangle::new(
                [(0.0, at + 0.2), (*gas, at + 0.8)],
                colour.filled(),
            )])?;
            chart.draw_series([
                text(format!("{gas:.0} gas"), (gas + most * 0.01, at + 0.62)),
                text((*name).to_owned(), (-most * 0.23, at + 0.62)),
            ])?;
        }
        Ok(())
    })
}

/// Each batch's life.
pub(super) fn batches(outcome: &Outcome) -> anyhow::Result<String> {
    let batches = &outcome.batches;
    let end = batches.iter().map(|batch| batch.settled_at_s).fold(1.0, f64::max);
    let height = 60 + 34 * batches.len() as u32;
    draw(height, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(48)
            .build_cartesian_2d(0.0..end * 1.03, 0.0..batches.len() as f64)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .light_line_style(TRANSPARENT)
            .bold_line_style(FAINT)
            .axis_style(INK)
            .label_style(label())
            .x_label_formatter(&whole)
            .x_desc("seconds")
            .draw()?;
        for (index, batch) in batches.iter().enumerate() {
            let at = (batches.len() - 1 - index) as f64;
            for (from, to, colour) in stretches(outcome, batch) {
                chart.draw_series([Rectangle::new(
                    [(from, at + 0.2), (to, at + 0.8)],
                    colour.filled(),
                )])?;
            }
            chart.draw_series([text(
                format!("{} mandates", batch.mandates),
                (stretches(outcome, batch)[0].0 + end * 0.008, at + 0.62),
            )])?;
        }
        Ok(())
    })
}

/// Waiting for company, being proved, being mined.
fn stretches(outcome: &Outcome, batch: &Batch) -> [(f64, f64, RGBColor); 3] {
    let members = outcome.payments.iter().filter(|payment| payment.batch == batch.number);
    let first = members.map(|payment| payment.accepted_at_s).fold(batch.sealed_at_s, f64::min);
    [
        (first, batch.sealed_at_s, WAITING),
        (batch.sealed_at_s, batch.proved_at_s, PROVING),
        (batch.proved_at_s, batch.settled_at_s, SETTLED),
    ]
}

/// A number of an axis: all that are shown are whole.
fn whole(value: &f64) -> String {
    format!("{value:.0}")
}

fn bar(across: Range<f64>, up: f64, colour: RGBColor) -> Rectangle<(f64, f64)> {
    Rectangle::new([(across.start, 0.0), (across.end, up)], colour.filled())
}

fn text(words: String, at: (f64, f64)) -> Text<'static, (f64, f64), String> {
    Text::new(words, at, label())
}

fn label() -> TextStyle<'static> {
    ("sans-serif", 13).into_font().color(&INK)
}

fn draw(height: u32, paint: impl FnOnce(&Drawing<'_>) -> Drawn) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        paint(&area)?;
        area.present()?;
    }
    Ok(svg)
}

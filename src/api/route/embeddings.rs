//! `/v1/embeddings`, as OpenAI's clients know it.

use axum::Json;
use axum::routing::post;
use serde_json::{Value, json};

use super::Route;
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::{EmbeddingInput, EmbeddingsRequest};
use crate::engine::{Action, Reply};

const MOST_INPUTS: usize = 2048;

pub(super) static ROUTES: [Route; 1] =
    [Route::new("POST", "/v1/embeddings", "Vectors of texts (OpenAI-compatible)", || post(embed))
        .body("EmbeddingsRequest")
        .reply(200, "EmbeddingsResponse")];

async fn embed(call: Call) -> Result<Json<Value>, Fault> {
    let request: EmbeddingsRequest = call.json()?;
    let base64 = match request.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            return Err(Fault::invalid(format!("encoding_format '{other}' is neither float nor base64")));
        }
    };
    let inputs = match &request.input {
        EmbeddingInput::One(_) => 1,
        EmbeddingInput::Many(inputs) => inputs.len(),
    };
    if inputs == 0 || inputs > MOST_INPUTS {
        return Err(Fault::invalid(format!("{inputs} inputs: 1 to {MOST_INPUTS} may be given at once")));
    }
    match call.ask(Action::Embed(request)).await? {
        Reply::Embeddings(made) => {
            let data: Vec<Value> = made
                .vectors
                .iter()
                .enumerate()
                .map(|(index, vector)| {
                    let embedding = if base64 { Value::String(encode(vector)) } else { json!(vector) };
                    json!({"object": "embedding", "index": index, "embedding": embedding})
                })
                .collect();
            let usage = json!({"prompt_tokens": made.tokens, "total_tokens": made.tokens});
            Ok(Json(json!({"object": "list", "data": data, "model": made.model, "usage": usage})))
        }
        other => unexpected(&other),
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Little-endian f32 in base64 (RFC 4648, with padding).
fn encode(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let three = [0, 1, 2].map(|at| u32::from(group.get(at).copied().unwrap_or(0)));
        let bits = three.into_iter().fold(0u32, |sum, byte| sum << 8 | byte);
        for (at, shift) in [18u32, 12, 6, 0].into_iter().enumerate() {
            let letter = ALPHABET.get((bits >> shift & 63) as usize).copied().unwrap_or(b'=');
            text.push(char::from(if at <= group.len() { letter } else { b'=' }));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_rfc_4648() {
        assert_eq!(encode(&[1.0]), "AACAPw==");
        assert_eq!(encode(&[]), "");
        assert_eq!(encode(&[1.0, -2.0, 0.5]), "AACAPwAAAMAAAAA/");
    }
}

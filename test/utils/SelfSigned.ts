/**
 * A fresh self-signed certificate for 127.0.0.1 and localhost, as DER by hand: no openssl, no key in the
 * repository.
 */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto"

const der = (tag: number, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(parts)
  const length =
    content.length < 0x80
      ? [content.length]
      : content.length < 0x100
        ? [0x81, content.length]
        : [0x82, content.length >> 8, content.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

const sequence = (...parts: ReadonlyArray<Uint8Array>) => der(0x30, ...parts)
const bytes = (hex: string) => Buffer.from(hex, "hex")
const utcTime = (millis: number) =>
  der(
    0x17,
    Buffer.from(
      `${new Date(millis)
        .toISOString()
        .replace(/[-:T]|\.\d+/g, "")
        .slice(2)}`,
    ),
  )

/** `2.5.29.17` subjectAltName, `2.5.4.3` commonName, `1.2.840.10045.4.3.2` ecdsa-with-SHA256. */
const oids = {
  altName: bytes("0603551d11"),
  commonName: bytes("0603550403"),
  ecdsa: bytes("06082a8648ce3d040302"),
}

/** Key and certificate as PEM, good for a day. */
export const make = (): { readonly key: string; readonly cert: string } => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const name = sequence(der(0x31, sequence(oids.commonName, der(0x0c, Buffer.from("fake host")))))
  const names = sequence(der(0x82, Buffer.from("localhost")), der(0x87, bytes("7f000001")))
  const algorithm = sequence(oids.ecdsa)
  const day = 86_400_000
  const body = sequence(
    der(0xa0, der(0x02, bytes("02"))),
    der(0x02, Buffer.concat([bytes("01"), randomBytes(8)])),
    algorithm,
    name,
    sequence(utcTime(Date.now() - day), utcTime(Date.now() + day)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(sequence(oids.altName, der(0x04, names)))),
  )
  const signature = der(0x03, bytes("00"), sign("sha256", body, privateKey))
  const base64 = sequence(body, algorithm, signature).toString("base64")
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`,
  }
}

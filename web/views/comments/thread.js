/** A conversation: what began it, the replies, and what the person may do with each. */

import {useSignal} from "@preact/signals"
import {useEffect, useRef} from "preact/hooks"
import {moment, wholeMoment} from "../../core/format.js"
import {html} from "../../core/html.js"
import {query} from "../../core/router.js"
import {user} from "../../core/session.js"
import {t} from "../../core/texts.js"
import {sayWrong} from "../../core/toasts.js"
import {nameOf} from "../../drive/item.js"
import {ask} from "../../parts/dialogs.js"
import {Avatar} from "../avatar.js"
import {Confirm} from "../confirm.js"
import {Composer} from "./composer.js"
import {Marked} from "./marks.js"

/**
 * @typedef {import("../../drive/comments.js").Comment} Comment
 * @typedef {{talk: import("../../drive/comments.js").Talk, item: import("../../drive/item.js").Item}} Given
 */

/** @param {Given & {thread: import("../../drive/comments.js").Thread}} of */
export function OneThread({thread: {first, replies}, talk, item}) {
  const replying = useSignal(false)
  const me = user.value?.id
  const resolves = [first.author?.id, item.owner.id].includes(me) || item.permissions.write
  const resolve = () => talk.resolve(first, !first.resolved_at).catch(sayWrong)
  return html`
    <li class="thread" data-resolved=${Boolean(first.resolved_at)}>
      <${OneComment} comment=${first} talk=${talk} item=${item} />
      ${first.resolved_at && html`<p class="hint">${t("comments.resolved_by", {name: first.resolved_by ? nameOf(first.resolved_by) : t("person.unknown"), day: moment(first.resolved_at)})}</p>`}
      ${replies.length > 0 && html`<ul class="replies">${replies.map(reply => html`<li key=${reply.id}><${OneComment} comment=${reply} talk=${talk} item=${item} /></li>`)}</ul>`}
      ${replying.value
        ? html`<${Composer} label=${t("comments.reply")} action=${t("comments.send")} focus send=${(/** @type {string} */ text) => talk.add(text, first.id)} done=${() => (replying.value = false)} />`
        : html`
            <div class="comment-deeds">
              ${!first.deleted_at && html`<button type="button" class="quiet-link" onClick=${() => (replying.value = true)}>${t("comments.reply")}</button>`}
              ${resolves && !first.deleted_at && html`<button type="button" class="quiet-link" onClick=${resolve}>${t(first.resolved_at ? "comments.reopen" : "comments.resolve")}</button>`}
            </div>
          `}
    </li>
  `
}

/** @param {Given & {comment: Comment}} of */
function OneComment({comment, talk, item}) {
  const editing = useSignal(false)
  const ref = useRef(/** @type {HTMLElement | null} */ (null))
  const meant = query.value.get("comment") === comment.id
  useEffect(() => {
    if (meant) ref.current?.scrollIntoView({block: "center"})
  }, [meant])
  if (comment.deleted_at) return html`<p class="hint">${t("comments.deleted")}</p>`
  const me = user.value?.id
  const mine = comment.author?.id === me
  const name = mine ? t("person.me") : comment.author ? nameOf(comment.author) : t("person.unknown")
  const removing = () =>
    ask(
      close => html`<${Confirm} ...${{title: t("comments.delete"), text: t("comments.delete_sure"), action: t("comments.delete"), run: () => talk.remove(comment), close}} />`,
    )
  return html`
    <article ref=${ref} class="comment ${meant ? "meant" : ""}" aria-label=${t("comments.of", {name})}>
      <${Avatar} person=${comment.author} />
      <div class="comment-body">
        <p class="comment-head">
          <strong>${name}</strong>
          <time datetime=${comment.created_at} title=${wholeMoment(comment.created_at)}>${moment(comment.created_at)}</time>
          ${comment.edited_at && html`<span title=${wholeMoment(comment.edited_at)}>${t("comments.edited")}</span>`}
          ${comment.anchor && html`<span>${t("comments.page", {page: comment.anchor.page})}</span>`}
        </p>
        ${editing.value
          ? html`<${Composer} label=${t("comments.edit")} action=${t("comments.save")} focus text=${comment.body ?? ""} send=${(/** @type {string} */ text) => talk.edit(comment, text)} done=${() => (editing.value = false)} />`
          : html`
              <${Marked} text=${comment.body ?? ""} />
              <div class="comment-deeds">
                ${mine && html`<button type="button" class="quiet-link" aria-label=${t("comments.edit")} onClick=${() => (editing.value = true)}>${t("comments.edit_short")}</button>`}
                ${(mine || item.owner.id === me) && html`<button type="button" class="quiet-link" aria-label=${t("comments.delete")} onClick=${removing}>${t("comments.delete_short")}</button>`}
              </div>
            `}
      </div>
    </article>
  `
}

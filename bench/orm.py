"""Yardstick B: the ordinary Python way to make the same export.

One ORM object per row, one json.dumps per line, the text put together in memory as upload_from_string wants it. The
upload itself is left out, which is in this way's favour.
"""
import json
import os
import sys

import psycopg2
from sqlalchemy import Boolean, Column, ForeignKey, Text, create_engine
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import Session, declarative_base, joinedload, relationship

Base = declarative_base()
MIME_TYPES = {"image/jpeg", "image/png", "image/webp"}


class Image(Base):
    __tablename__ = "images"
    img_id = Column(UUID, primary_key=True)
    gcs_uri = Column(Text)
    mime_type = Column(Text)
    status = Column(Text)


class Post(Base):
    __tablename__ = "posts"
    post_id = Column(UUID, primary_key=True)
    img_id = Column(UUID, ForeignKey("images.img_id"))
    user_question = Column(Text)
    object_label = Column(Text)
    ai_answer = Column(Text)
    ai_question = Column(Text)
    location = Column(Text)
    is_public = Column(Boolean)
    image = relationship(Image)


def document(post):
    return {
        "id": str(post.post_id),
        "structData": {
            "user_question": post.user_question,
            "object_label": post.object_label,
            "ai_answer": post.ai_answer,
            "ai_question": post.ai_question,
            "location": post.location,
        },
        "content": {"mimeType": post.image.mime_type, "uri": post.image.gcs_uri},
    }


def main():
    engine = create_engine("postgresql+psycopg2://", creator=lambda: psycopg2.connect(os.environ["DATABASE_URL"]))
    with Session(engine) as session:
        posts = (
            session.query(Post)
            .join(Post.image)
            .options(joinedload(Post.image))
            .filter(Image.status == "stored", Post.is_public)
            .all()
        )
        lines = [
            json.dumps(document(post), ensure_ascii=False)
            for post in posts
            if (post.image.mime_type or "").lower() in MIME_TYPES
        ]
    text = "\n".join(lines).encode()
    print(len(lines), len(text), file=sys.stdout)


if __name__ == "__main__":
    main()

SELECT posts.post_id AS id,
       posts.user_question,
       posts.object_label,
       posts.ai_answer,
       posts.ai_question,
       posts.location,
       images.gcs_uri AS content_uri,
       images.mime_type AS content_mime_type
  FROM posts
  JOIN images USING (img_id)
 WHERE images.status = 'stored'
   AND posts.is_public

SELECT post_id AS id, user_question FROM posts
